"""Requests to the object API, parsed, and their responses, before they are HTTP messages."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from types import MappingProxyType
from typing import NamedTuple

from starlette.requests import ClientDisconnect
from starlette.types import Receive

from oss_local_cloud.interfaces import ObjectInfo
from oss_local_cloud.oss.errors import OssError, invalid_argument
from oss_local_cloud.signatures.request import RequestHead

MAX_XML_BODY_BYTES = 2 << 20
"""Bytes of an XML or form body at most."""


class OssRequest(NamedTuple):
    """A request whose body is not read yet.

    Attributes:
        head: Method, bucket, key, query and headers, which the signature covers.
        host: The Host header.
        request_id: The id that the response carries.
        receive: The ASGI channel of the body.
        source_address: The client's IP address.
    """

    head: RequestHead
    host: str
    request_id: str
    receive: Receive
    source_address: str = ""

    @property
    def endpoint(self) -> str:
        """The host of this request without a bucket in front of it."""
        prefix = f"{self.head.bucket}."
        return self.host.removeprefix(prefix) if self.head.bucket else self.host

    @property
    def bucket(self) -> str:
        """The bucket addressed; only for requests that have one."""
        if self.head.bucket is None:
            raise ValueError("a request to the service has no bucket")
        return self.head.bucket

    @property
    def key(self) -> str:
        """The key addressed, empty for bucket requests."""
        return self.head.key

    @property
    def headers(self) -> Mapping[str, str]:
        """Lower-case names; values decoded as Latin-1."""
        return self.head.headers

    def parameter(self, name: str, default: str = "") -> str:
        """A query parameter's value."""
        value = self.head.parameter(name)
        return default if value is None else value

    def body_blocks(self) -> BodyBlocks:
        """The body in the blocks that the network delivers.

        Raises:
            ClientDisconnect: The body ended early.
        """
        return BodyBlocks(self.receive)

    async def body(self) -> bytes:
        """The whole of a small body, checked against Content-MD5.

        Raises:
            OssError: EntityTooLarge, InvalidDigest.
        """
        parts, size = [], 0
        async for block in BodyBlocks(self.receive):
            size += len(block)
            if size > MAX_XML_BODY_BYTES:
                raise OssError(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size.")
            parts.append(block)
        content = b"".join(parts)
        expected = content_md5(self.headers)
        if expected is not None and hashlib.md5(content, usedforsecurity=False).digest() != expected:
            raise invalid_digest()
        return content


class BodyBlocks:
    """Iterates over a request body as it arrives."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._more = True

    def __aiter__(self) -> BodyBlocks:
        return self

    async def __anext__(self) -> bytes:
        while self._more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            self._more = message.get("more_body", False)
            block: bytes = message.get("body", b"")
            if block:
                return block
        raise StopAsyncIteration


class ObjectRange(NamedTuple):
    """Bytes of a stored object to send: `length` of them from `start`."""

    info: ObjectInfo
    start: int
    length: int


class OssResponse(NamedTuple):
    """A response: a short body, or a range of an object to be streamed."""

    status: int = 200
    headers: Mapping[str, str] = MappingProxyType({})
    body: bytes | ObjectRange = b""


def xml_response(document: bytes, headers: Mapping[str, str] | None = None) -> OssResponse:
    """200 with an XML document."""
    return OssResponse(200, {"content-type": "application/xml", **(headers or {})}, document)


def content_md5(headers: Mapping[str, str]) -> bytes | None:
    """The 16 bytes of the Content-MD5 header, None without one.

    Raises:
        OssError: InvalidDigest when it is no MD5.
    """
    text = headers.get("content-md5")
    if text is None:
        return None
    try:
        digest = base64.b64decode(text, validate=True)
    except ValueError:  # no Base64, or not even ASCII
        raise invalid_digest("0017-00000502") from None
    if len(digest) != 16:
        raise invalid_digest("0017-00000502")
    return digest


def invalid_digest(ec: str = "0017-00000503") -> OssError:
    """400 InvalidDigest, by default for content that doesn't match its Content-MD5."""
    return OssError(400, "InvalidDigest", "The Content-MD5 you specified was invalid.", ec)


def parse_integer(name: str, text: str, lowest: int, highest: int) -> int:
    """An integer parameter within a range.

    Raises:
        OssError: InvalidArgument.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and lowest <= int(text) <= highest):
        raise invalid_argument(name, text, f"Argument {name} must be an integer between {lowest} and {highest}.")
    return int(text)


@lru_cache(maxsize=4096)
def http_date(time: datetime) -> str:
    """RFC 1123, in GMT."""
    return format_datetime(time, usegmt=True)


def iso_date(time: datetime) -> str:
    """The form of every time in OSS's XML; oss2 parses exactly this."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z")
