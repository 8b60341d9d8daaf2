"""One verified call of the SMQ API, as the operations get it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from oss_local_cloud.smq.attributes import boolean, whole_number
from oss_local_cloud.smq.errors import SmqRequestError, malformed_xml
from oss_local_cloud.smq.tables import Listing
from oss_local_cloud.smq.xml import parse

if TYPE_CHECKING:
    from oss_local_cloud.smq.service import SmqService

_XML = "text/xml;charset=utf-8"


@dataclass(frozen=True)
class ApiCall:
    """`names` are those in the path, `headers` have lower-case names, `query` is decoded."""

    service: SmqService
    request: Request
    names: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def fields(self, root: str) -> dict[str, str]:
        """The elements of the document in the body, whose root must be `root`; none for an empty body."""
        return parse(self.body, root).fields() if self.body else {}

    def required_fields(self, root: str) -> dict[str, str]:
        """As `fields`, for operations that need a body."""
        if not self.body:
            raise malformed_xml()
        return self.fields(root)

    def overrides(self) -> bool:
        """Whether this PUT changes attributes instead of creating."""
        return self.flag("metaoverride")

    def flag(self, name: str) -> bool:
        """A parameter that is true or false, False without it; raises InvalidArgument."""
        return boolean(name, self.query.get(name, "false"))

    def with_meta(self) -> bool:
        """Whether a listing includes all attributes."""
        return boolean("x-mns-with-meta", self.headers.get("x-mns-with-meta", "false"))

    def listing(self) -> Listing:
        """The page a listing asks for."""
        limit = whole_number("x-mns-ret-number", self.headers.get("x-mns-ret-number", "1000"), 1, 1000)
        return Listing(self.headers.get("x-mns-prefix", ""), self.headers.get("x-mns-marker", ""), limit)

    def address(self, *path: str) -> str:
        """The URL of a resource at the address the client used."""
        return "/".join((f"{self.request.url.scheme}://{self.headers.get('host', '')}", *path))

    @asynccontextmanager
    async def hang_up(self) -> AsyncIterator[asyncio.Future[None]]:
        """A future that is done when the client closes the connection."""
        watch = asyncio.ensure_future(self._disconnected())
        try:
            yield watch
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch

    async def _disconnected(self) -> None:
        while (await self.request.receive())["type"] != "http.disconnect":
            pass


def check_content_md5(header: str | None, body: bytes) -> None:
    """Check a Content-MD5 header.

    The SDKs send the Base64 of the *hexadecimal* MD5. The plain Base64 of RFC 1864 is accepted too.
    """
    if header is None:
        return
    digest = hashlib.md5(body, usedforsecurity=False)
    accepted = (base64.b64encode(digest.hexdigest().encode()), base64.b64encode(digest.digest()))
    if header.encode() not in accepted:
        # The code is spelled so in the documentation's table.
        raise SmqRequestError(400, "InvalidDegist", "The Content-MD5 you specified is invalid.")


def xml(body: bytes, status: int = 200) -> Response:
    """A response with an XML document."""
    return Response(body, status, media_type=_XML)


def created(made: bool, location: str) -> Response:
    """201 for a new resource, 204 for an existing one, both with its location."""
    return Response(status_code=201 if made else 204, headers={"Location": location})


def done() -> Response:
    """A response without a body."""
    return Response(status_code=204)
