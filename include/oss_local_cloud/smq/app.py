"""The HTTP API of SMQ (version 2015-06-06) as an ASGI application: signature, routing, response."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from oss_local_cloud.http_server import Lines
from oss_local_cloud.signatures.mns import MnsSignatureError, verify
from oss_local_cloud.smq import queue_operations, response_bodies, topic_operations
from oss_local_cloud.smq.api_call import ApiCall, check_content_md5
from oss_local_cloud.smq.attributes import check_name
from oss_local_cloud.smq.errors import SmqRequestError, invalid_argument

if TYPE_CHECKING:
    from oss_local_cloud.smq.service import SmqService

log = logging.getLogger(__name__)

VERSION = "2015-06-06"
_LARGEST_BODY = 2 * 1024 * 1024  # sixteen messages of 64 KiB with every character escaped stay below it

OPERATIONS: dict[tuple[str, str], Callable[[ApiCall], Awaitable[Response]]] = {
    ("GET", "queues"): queue_operations.list_queues,
    ("PUT", "queues/*"): queue_operations.put_queue,
    ("GET", "queues/*"): queue_operations.get_queue,
    ("DELETE", "queues/*"): queue_operations.delete_queue,
    ("POST", "queues/*/messages"): queue_operations.send,
    ("GET", "queues/*/messages"): queue_operations.receive_or_peek,
    ("DELETE", "queues/*/messages"): queue_operations.delete_messages,
    ("PUT", "queues/*/messages"): queue_operations.change_visibility,
    ("GET", "topics"): topic_operations.list_topics,
    ("PUT", "topics/*"): topic_operations.put_topic,
    ("GET", "topics/*"): topic_operations.get_topic,
    ("DELETE", "topics/*"): topic_operations.delete_topic,
    ("POST", "topics/*/messages"): topic_operations.publish,
    ("GET", "topics/*/subscriptions"): topic_operations.list_subscriptions,
    ("PUT", "topics/*/subscriptions/*"): topic_operations.put_subscription,
    ("GET", "topics/*/subscriptions/*"): topic_operations.get_subscription,
    ("DELETE", "topics/*/subscriptions/*"): topic_operations.unsubscribe,
}
"""Every operation there is, by verb and path pattern."""

_PARAMETERS: dict[tuple[str, str], frozenset[str]] = {
    ("PUT", "queues/*"): frozenset({"metaoverride"}),
    ("PUT", "topics/*"): frozenset({"metaoverride"}),
    ("PUT", "topics/*/subscriptions/*"): frozenset({"metaoverride"}),
    ("GET", "queues/*/messages"): frozenset({"waitseconds", "numofmessages", "peekonly"}),
    ("DELETE", "queues/*/messages"): frozenset({"receipthandle"}),
    ("PUT", "queues/*/messages"): frozenset({"receipthandle", "visibilitytimeout"}),
}
"""The query parameters of the operations that have any, in lower case."""

_PATTERNS = frozenset(pattern for _, pattern in OPERATIONS)


def build_app(service: SmqService) -> ASGIApp:
    """The application around a service; the owner of the service calls its `start` and `stop`.

    There is no router, so that every invalid request gets an error in SMQ's own form.
    """

    async def endpoint(request: Request) -> Response:
        request_id = secrets.token_hex(12).upper()
        try:
            response = await _serve(service, request)
        except SmqRequestError as refusal:
            response = _refused(refusal, request_id, request)
        except MnsSignatureError as refusal:
            response = _refused(SmqRequestError(refusal.status, refusal.code, refusal.message), request_id, request)
        except ClientDisconnect:
            response = Response(status_code=499)  # the client has disconnected
        except Exception:
            log.exception("%r %r failed, request %s", request.method, request.url.path, request_id)
            internal = SmqRequestError(500, "InternalError", "Internal error.")
            response = _refused(internal, request_id, request)
        response.headers["x-mns-request-id"] = request_id
        response.headers["x-mns-version"] = VERSION
        return response

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await endpoint(Request(scope, receive))
        await response(scope, receive, send)

    return app


async def _serve(service: SmqService, request: Request) -> Response:
    raw_path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    raw_query = request.scope["query_string"].decode("latin-1")
    target = f"{raw_path}?{raw_query}" if raw_query else raw_path
    headers = {name.lower(): value for name, value in request.headers.items()}
    verify(request.method, target, headers, service.credentials, service.clock(), region=service.region)
    _check_version(headers.get("x-mns-version"))
    pattern, names = _resource(raw_path)
    operation = OPERATIONS.get((request.method, pattern))
    if operation is None:
        raise SmqRequestError(400, "InvalidRequestURL", "Http request URL format invalid.")
    query = _query(raw_query, _PARAMETERS.get((request.method, pattern), frozenset()))
    body = await _read(request)
    check_content_md5(headers.get("content-md5"), body)
    return await operation(ApiCall(service, request, names, query, headers, body))


def _check_version(version: str | None) -> None:
    if not version:
        raise SmqRequestError(400, "MissingVersionHeader", "x-mns-version header is required.")
    if version != VERSION:
        raise SmqRequestError(400, "InvalidVersionHeader", f"The value of header x-mns-version should be {VERSION}.")


def _resource(raw_path: str) -> tuple[str, tuple[str, ...]]:
    """The pattern a path has, and the names in it."""
    parts = [unquote(part) for part in raw_path.strip("/").split("/")]
    pattern = "/".join("*" if index in (1, 3) else part for index, part in enumerate(parts))
    if pattern not in _PATTERNS:
        raise SmqRequestError(400, "InvalidRequestURL", "Http request URL format invalid.")
    names = [part for index, part in enumerate(parts) if index in (1, 3)]
    kinds = ("Queue" if parts[0] == "queues" else "Topic", "Subscription")
    return pattern, tuple(check_name(name, kind) for name, kind in zip(names, kinds, strict=False))


def _query(raw_query: str, known: frozenset[str]) -> dict[str, str]:
    """The parameters by lower-case name; raises InvalidQueryString for one the operation does not have.

    The documentation writes receiptHandle where the SDKs write ReceiptHandle, so case does not count. A plus
    stays a plus: the SDKs put Base64 into the query without encoding it.
    """
    found: dict[str, str] = {}
    for part in raw_query.split("&") if raw_query else []:
        name, _, value = part.partition("=")
        lower = unquote(name).lower()
        if lower not in known or lower in found:
            raise SmqRequestError(
                400, "InvalidQueryString", f'Http request URL contains invalid querystring item "{unquote(name)}".'
            )
        found[lower] = unquote(value)
    return found


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise invalid_argument(f"The request body should not be longer than {_LARGEST_BODY} bytes.")
    return bytes(body)


def refusal(status: int, code: str, message: str) -> tuple[Lines, bytes]:
    """The HTTP server's response to a request that can't be parsed."""
    request_id = secrets.token_hex(12).upper()
    identity = [(b"x-mns-request-id", request_id.encode("ascii")), (b"x-mns-version", VERSION.encode("ascii"))]
    body = response_bodies.error(SmqRequestError(status, code, message), request_id, "")
    return [(b"content-type", b"text/xml;charset=utf-8"), *identity], body


def _refused(refusal: SmqRequestError, request_id: str, request: Request) -> Response:
    host = request.headers.get("host", "")
    return Response(
        response_bodies.error(refusal, request_id, host), refusal.status, media_type="text/xml;charset=utf-8"
    )
