"""The ASGI application of the object API: parse, find the bucket, verify the signature, perform, respond."""

from __future__ import annotations

import base64
import functools
import logging
import os
import time
from collections.abc import Collection, Mapping
from email.utils import formatdate
from random import getrandbits

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from oss_local_cloud.events.write_origin import WriteOrigin
from oss_local_cloud.http_server import Lines
from oss_local_cloud.oss import operations
from oss_local_cloud.oss.addressing import parse_request_head
from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.buckets import require_bucket
from oss_local_cloud.oss.errors import LOOKUP_ERRORS, OssError, lookup_error_response
from oss_local_cloud.oss.http_messages import ObjectRange, OssRequest, OssResponse
from oss_local_cloud.oss.xml import Element, document
from oss_local_cloud.signatures.oss_verifier import OssVerifier
from oss_local_cloud.signatures.request import AuthenticationError

_log = logging.getLogger(__name__)
_STREAM_BLOCK = 256 << 10
_INLINE_READ = 64 << 10  # reading so few bytes on the event loop is faster than a change of threads


class ObjectApi:
    """Responds to every request, failures included, in the format of OSS.

    The application has no router in front: the operation depends on the raw path, the Host header and the query
    (see `operations`). It writes the Server and Date headers itself. `own_names` are host names of the
    server itself, without a bucket.
    """

    def __init__(self, context: ApiContext, verifier: OssVerifier, own_names: Collection[str]) -> None:
        self._context = context
        self._verifier = verifier
        self._own_names = frozenset({"localhost", *(name.lower() for name in own_names)})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI request."""
        request_id = _new_request_id()
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "")
        try:
            request = self._read_request(scope, headers, host, request_id, receive)
            reply = await self._answer(request)
            await self._send(request, reply, send)
        except ClientDisconnect:
            return
        except OssError as error:
            await send_error(error, scope["method"], host, request_id, send)
        except Exception:  # noqa: BLE001  # the client gets a response, the log the traceback
            _log.exception("%r %r failed, request id %s", scope["method"], scope["path"], request_id)
            failure = OssError(500, "InternalError", "We encountered an internal error. Please try again.")
            await send_error(failure, scope["method"], host, request_id, send)

    def _read_request(
        self, scope: Scope, headers: Mapping[str, str], host: str, request_id: str, receive: Receive
    ) -> OssRequest:
        request = parse_request_head(
            scope["method"], scope["raw_path"], scope["query_string"], headers, self._own_names
        )
        client = scope.get("client")
        return OssRequest(request, host, request_id, receive, client[0] if client else "")

    async def _answer(self, request: OssRequest) -> OssResponse:
        operation = operations.find(request)
        try:
            self._admit(operation, request)
            return await self._perform(operation, request)
        except AuthenticationError as error:
            raise OssError(error.status, error.code, error.message, error.ec, error.details) from None
        except LOOKUP_ERRORS as error:
            raise lookup_error_response(error) from None

    def _admit(self, operation: operations.Operation, request: OssRequest) -> None:
        """Check the bucket, then the signature, in the order of OSS.

        An operation that looks an object up reports a missing bucket by itself. For these the bucket is checked only
        when the signature is refused.
        """
        if not operation.looks_up_object and operation.name != "PutBucket":
            require_bucket(self._context, request)
        try:
            self._verifier.verify(request.head)
        except AuthenticationError:
            if operation.looks_up_object:
                require_bucket(self._context, request)
            raise

    async def _perform(self, operation: operations.Operation, request: OssRequest) -> OssResponse:
        """Perform an operation. Response headers of a write name the events it caused."""
        events = self._context.events
        if events is None or request.head.method in ("GET", "HEAD"):
            return await operations.perform(operation, self._context, request)
        origin = WriteOrigin(operation.name, request.request_id, request.source_address)
        reply, headers = await events.publish_with(
            origin, lambda: operations.perform(operation, self._context, request)
        )
        return reply._replace(headers={**reply.headers, **headers}) if headers else reply

    async def _send(self, request: OssRequest, reply: OssResponse, send: Send) -> None:
        body = reply.body
        if isinstance(body, ObjectRange):
            await self._send_object(request, reply, body, send)
            return
        headers = reply.headers
        if "content-length" not in headers and reply.status not in (204, 304):
            headers = {**headers, "content-length": str(len(body))}
        await send(_start(reply.status, headers, request.request_id))
        await send({"type": "http.response.body", "body": body})

    async def _send_object(self, request: OssRequest, reply: OssResponse, part: ObjectRange, send: Send) -> None:
        try:
            descriptor = os.open(part.info.file, os.O_RDONLY)
        except FileNotFoundError:
            # The object was overwritten since the lookup: respond with the new one.
            await self._send(request, await self._answer(request), send)
            return
        try:
            await send(_start(reply.status, reply.headers, request.request_id))
            position, end = part.start, part.start + part.length
            if part.length <= _INLINE_READ:
                body = os.pread(descriptor, part.length, position)
                await send({"type": "http.response.body", "body": body})
                return
            while position < end:
                size = min(_STREAM_BLOCK, end - position)
                block = await self._context.blocking(functools.partial(os.pread, descriptor, size, position))
                if not block:
                    raise OSError(f"{part.info.file} is shorter than the object it is the content of")
                position += len(block)
                await send({"type": "http.response.body", "body": block, "more_body": position < end})
        finally:
            os.close(descriptor)


@functools.lru_cache(maxsize=2)
def _date(second: int) -> bytes:
    """The Date header. The HTTP server's own cached date may lag behind a Last-Modified."""
    return formatdate(second, usegmt=True).encode("ascii")


def _start(status: int, headers: Mapping[str, str], request_id: str) -> Message:
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    lines.append((b"server", b"AliyunOSS"))
    lines.append((b"date", _date(int(time.time()))))
    lines.append((b"x-oss-request-id", request_id.encode("ascii")))
    return {"type": "http.response.start", "status": status, "headers": lines}


async def send_error(error: OssError, method: str, host: str, request_id: str, send: Send) -> None:
    """Respond with an error. For `method` HEAD the error is in a header, as in OSS."""
    headers, body = _error_answer(error, method, host, request_id)
    await send(_start(error.status, {**headers, "content-length": str(len(body))}, request_id))
    await send({"type": "http.response.body", "body": body})


def refusal(status: int, code: str, message: str) -> tuple[Lines, bytes]:
    """Headers and body of the HTTP server's response to bytes that are no valid HTTP request."""
    request_id = _new_request_id()
    headers, body = _error_answer(OssError(status, code, message), "", "", request_id)
    return _start(status, headers, request_id)["headers"], body


def _new_request_id() -> str:
    return f"{getrandbits(96):024X}"  # unique, not secret


def _error_answer(error: OssError, method: str, host: str, request_id: str) -> tuple[dict[str, str], bytes]:
    elements: list[Element] = [
        ("Code", error.code),
        ("Message", error.message),
        ("RequestId", request_id),
        ("HostId", host),
        *error.details.items(),
    ]
    headers = {"content-type": "application/xml", **error.headers}
    if error.ec:
        elements.append(("EC", error.ec))
        elements.append(("RecommendDoc", f"https://api.aliyun.com/troubleshoot?q={error.ec}"))
        headers["x-oss-ec"] = error.ec
    body = document("Error", elements)
    if method == "HEAD":
        headers["x-oss-err"] = base64.b64encode(body).decode("ascii")
        body = b""
    return headers, body
