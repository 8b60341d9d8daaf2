"""How each service names its operations, numbers its requests and words its errors."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import parse_qs, unquote

from starlette.types import Scope, Send

from oss_local_cloud.fault_injection.rules import Error, Service
from oss_local_cloud.imm import app as imm_app
from oss_local_cloud.imm import ids
from oss_local_cloud.oss import operations as oss_operations
from oss_local_cloud.oss.addressing import parse_request_head
from oss_local_cloud.oss.app import send_error
from oss_local_cloud.oss.errors import OssError
from oss_local_cloud.oss.http_messages import OssRequest
from oss_local_cloud.smq import response_bodies
from oss_local_cloud.smq.app import VERSION as SMQ_VERSION
from oss_local_cloud.smq.errors import SmqRequestError

DEFAULT_CODES: Mapping[Service, Mapping[int, str]] = {
    "oss": {500: "InternalError", 503: "ServiceUnavailable", 403: "AccessDenied"},
    "smq": {500: "InternalError", 503: "ServiceUnavailable", 403: "AccessDenied"},
    "imm": {500: "InternalError", 503: "ServiceUnavailable", 403: "NoPermission"},
}
"""The code of an error whose rule names none."""

SMQ_OPERATIONS: Mapping[tuple[str, str], str] = {
    ("GET", "queues"): "ListQueue",
    ("PUT", "queues/*"): "CreateQueue",
    ("GET", "queues/*"): "GetQueueAttributes",
    ("DELETE", "queues/*"): "DeleteQueue",
    ("POST", "queues/*/messages"): "SendMessage",
    ("GET", "queues/*/messages"): "ReceiveMessage",
    ("DELETE", "queues/*/messages"): "DeleteMessage",
    ("PUT", "queues/*/messages"): "ChangeMessageVisibility",
    ("GET", "topics"): "ListTopic",
    ("PUT", "topics/*"): "CreateTopic",
    ("GET", "topics/*"): "GetTopicAttributes",
    ("DELETE", "topics/*"): "DeleteTopic",
    ("POST", "topics/*/messages"): "PublishMessage",
    ("GET", "topics/*/subscriptions"): "ListSubscriptionByTopic",
    ("PUT", "topics/*/subscriptions/*"): "Subscribe",
    ("GET", "topics/*/subscriptions/*"): "GetSubscriptionAttributes",
    ("DELETE", "topics/*/subscriptions/*"): "Unsubscribe",
}
"""Names of the documentation by verb and path; a name stands for its batch form too."""
_SMQ_BY_PARAMETER = {
    ("CreateQueue", "metaoverride"): "SetQueueAttributes",
    ("CreateTopic", "metaoverride"): "SetTopicAttributes",
    ("Subscribe", "metaoverride"): "SetSubscriptionAttributes",
    ("ReceiveMessage", "peekonly"): "PeekMessage",
}


@dataclass(frozen=True)
class RequestIdentity:
    """What rules match a request by: `operation` is "" for an unknown one, `key` is as documented."""

    operation: str
    bucket: str = ""
    key: str = ""


class ServiceAdapter(Protocol):
    """One service as the fault layer sees it."""

    service: Service
    request_id_header: bytes

    def operations(self) -> Collection[str]:
        """The names a rule may use."""

    def identify(self, scope: Scope) -> RequestIdentity:
        """What a request is."""

    def new_request_id(self) -> str:
        """An id for a request that never gets to the service."""

    async def send_error(self, rule: Error, request_id: str, scope: Scope, send: Send) -> None:
        """Answer with an error in the service's own shape."""


class OssAdapter:
    """The key is the object's; for listings it is the prefix asked for."""

    service: Service = "oss"
    request_id_header = b"x-oss-request-id"

    def __init__(self, own_names: Collection[str]) -> None:
        self._own_names = frozenset({"localhost", *(name.lower() for name in own_names)})

    def operations(self) -> Collection[str]:
        """The names a rule may use."""
        return {operation.name for operation in oss_operations.OPERATIONS}

    def identify(self, scope: Scope) -> RequestIdentity:
        """The operation, bucket and key of a request."""
        headers = _headers(scope)
        try:
            request = parse_request_head(
                scope["method"], scope["raw_path"], scope["query_string"], headers, self._own_names
            )
            operation = oss_operations.find(OssRequest(request, headers.get("host", ""), "", _no_body))
        except OssError:
            return RequestIdentity("")
        return RequestIdentity(operation.name, request.bucket or "", request.key or request.parameter("prefix") or "")

    def new_request_id(self) -> str:
        """An id in the service's own form."""
        return secrets.token_hex(12).upper()

    async def send_error(self, rule: Error, request_id: str, scope: Scope, send: Send) -> None:
        """Send the error in the service's own form."""
        error = OssError(rule.status, _code(self.service, rule), rule.message)
        await send_error(error, scope["method"], _headers(scope).get("host", ""), request_id, send)


class SmqAdapter:
    """The key is the name of the queue or the topic."""

    service: Service = "smq"
    request_id_header = b"x-mns-request-id"

    def operations(self) -> Collection[str]:
        """The names a rule may use."""
        return {*SMQ_OPERATIONS.values(), *_SMQ_BY_PARAMETER.values()}

    def identify(self, scope: Scope) -> RequestIdentity:
        """The operation, bucket and key of a request."""
        parts = [unquote(part) for part in scope["raw_path"].decode("latin-1").strip("/").split("/")]
        pattern = "/".join("*" if index in (1, 3) else part for index, part in enumerate(parts))
        operation = SMQ_OPERATIONS.get((scope["method"], pattern), "")
        query = parse_qs(scope["query_string"].decode("latin-1"))
        for (plain, parameter), other in _SMQ_BY_PARAMETER.items():
            if operation == plain and query.get(parameter, [""])[0].lower() == "true":
                operation = other
                break
        return RequestIdentity(operation, "", parts[1] if len(parts) > 1 else "")

    def new_request_id(self) -> str:
        """An id in the service's own form."""
        return secrets.token_hex(12).upper()

    async def send_error(self, rule: Error, request_id: str, scope: Scope, send: Send) -> None:
        """Send the error in the service's own form."""
        error = SmqRequestError(rule.status, _code(self.service, rule), rule.message)
        body = response_bodies.error(error, request_id, _headers(scope).get("host", ""))
        identity = {"x-mns-request-id": request_id, "x-mns-version": SMQ_VERSION}
        await _send(rule.status, {"content-type": "text/xml;charset=utf-8", **identity}, body, send)


class ImmAdapter:
    """There is no key. The action is read from its header or the query, where the SDKs put it."""

    service: Service = "imm"
    request_id_header = b"x-acs-request-id"

    def operations(self) -> Collection[str]:
        """The names a rule may use."""
        return imm_app.OPERATIONS

    def identify(self, scope: Scope) -> RequestIdentity:
        """The operation, bucket and key of a request."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        action = _headers(scope).get("x-acs-action") or query.get("Action", [""])[0]
        return RequestIdentity(action if action in imm_app.OPERATIONS else "")

    def new_request_id(self) -> str:
        """An id in the service's own form."""
        return ids.request_id()

    async def send_error(self, rule: Error, request_id: str, scope: Scope, send: Send) -> None:
        """Send the error in the service's own form."""
        host = _headers(scope).get("host", "")
        content = {"RequestId": request_id, "HostId": host, "Code": _code("imm", rule), "Message": rule.message}
        headers = {"content-type": "application/json", "x-acs-request-id": request_id}
        await _send(rule.status, headers, json.dumps(content).encode(), send)


def _code(service: Service, rule: Error) -> str:
    return rule.code or DEFAULT_CODES[service][rule.status]


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


async def _send(status: int, headers: Mapping[str, str], body: bytes, send: Send) -> None:
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    lines.append((b"content-length", str(len(body)).encode("ascii")))
    await send({"type": "http.response.start", "status": status, "headers": lines})
    await send({"type": "http.response.body", "body": body})


async def _no_body() -> dict[str, object]:
    return {"type": "http.request", "body": b"", "more_body": False}
