"""One clear sentence for every error of the SDKs: what happened, which setting, what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from include.oss.errors import OssConfigurationError
from include.oss.redact import redact

_CONNECTION_FAMILIES = frozenset({"requests", "urllib3", "aiohttp", "socket", "ssl", "builtins", "asyncio"})


@dataclass(frozen=True)
class ServiceAnswer:
    """An error that a service gave, in the same few fields whatever the SDK.

    `service` is OSS or IMM; `status` the HTTP status; `endpoint` the address that OSS wants for this
    bucket, when it says so.
    """

    service: str
    status: int
    code: str
    message: str
    request_id: str
    endpoint: str = ""


# What each code means to the person who keeps the connection. The codes are those of the error pages of OSS
# and IMM; the finer EC values are not used, because OSS may change them.
_REMEDIES: dict[str, str] = {
    "InvalidAccessKeyId": "the access key id is unknown: check 'access_key_id' of {connection}",
    "InvalidAccessKeyId.NotFound": "the access key id is unknown: check 'access_key_id' of {connection}",
    "SignatureDoesNotMatch": (
        "the access key secret doesn't belong to the access key id: check 'access_key_secret' of {connection}"
    ),
    "IncompleteSignature": "the signature was refused: check 'access_key_secret' of {connection}",
    "InvalidSecurityToken": (
        "the STS token was refused: check that 'security_token' of {connection} belongs to its access key"
    ),
    "SecurityTokenExpired": "the STS token has expired: put fresh STS credentials into {connection}",
    "InvalidSecurityToken.Expired": "the STS token has expired: put fresh STS credentials into {connection}",
    "RequestTimeTooSkewed": (
        "this machine's clock is more than 15 minutes away from the service's: set it, e.g. by NTP"
    ),
    "NoSuchBucket": (
        "there is no such bucket: check its name and 'region' and 'endpoint' of {connection}, or create it"
    ),
    "SecondLevelDomainForbidden": (
        "this endpoint wants the bucket in the host name: set 'path_style' of {connection} to false"
    ),
    "InvalidBucketName": "this is no valid bucket name: check the bucket's name",
    "NoSuchKey": "there is no such object: it was removed or never written; list the bucket again",
}

_CREDENTIAL_CODES = frozenset(
    {
        "InvalidAccessKeyId",
        "InvalidAccessKeyId.NotFound",
        "SignatureDoesNotMatch",
        "IncompleteSignature",
        "InvalidSecurityToken",
        "SecurityTokenExpired",
        "InvalidSecurityToken.Expired",
    }
)


def explain(
    exception: BaseException,
    what: str,
    *,
    connection: str = "the OSS connection",
    secrets: Iterable[str | None] = (),
) -> str:
    """Say what an SDK's exception means and what to do about it, in one sentence.

    Parameters
    ----------
    exception: from oss2, alibabacloud_oss_v2 (`OperationError` included), the IMM SDK, requests or aiohttp.
    what: what was being done, as the start of a sentence: "Listing oss://music/in/".
    connection: what to call the connection, e.g. "connection 'oss_default'".
    secrets: values that must not show, whatever the service quotes.
    """
    if isinstance(exception, OssConfigurationError):
        return redact(str(exception), secrets)
    answer = _service_answer(exception)
    if answer is not None:
        sentence = f"{what} failed: {_explain_answer(answer, connection)}"
    elif is_unreachable(exception):
        sentence = (
            f"{what} failed: {why_unreachable(exception)}; check 'endpoint' (and 'internal_endpoint', "
            f"'imm_endpoint' where set) of {connection}, and that this machine may connect to it"
        )
    elif (complaint := _client_complaint(exception)) is not None:
        sentence = f"{what} failed: {complaint}; check 'endpoint' and 'region' of {connection}"
    else:
        sentence = f"{what} failed: {type(exception).__name__}: {exception}"
    return redact(" ".join(sentence.split()), secrets).rstrip(".") + "."


def is_unreachable(exception: BaseException) -> bool:
    """Whether no answer came at all: refused, reset, no such host, TLS failure, time-out."""
    if _service_answer(exception) is not None:
        return False
    return any(_is_connection_error(cause) for cause in _causes(exception))


def is_passing(exception: BaseException) -> bool:
    """Whether the service said that it can't serve now: a 5xx, or too many requests."""
    answer = _service_answer(exception)
    return answer is not None and (answer.status >= 500 or answer.status == 429)


def is_credential_error(exception: BaseException) -> bool:
    """Whether the service refused who we are (key id, secret or STS token)."""
    answer = _service_answer(exception)
    return answer is not None and answer.code in _CREDENTIAL_CODES


def _explain_answer(answer: ServiceAnswer, connection: str) -> str:
    trailer = f" ({answer.service}: {answer.code or 'no code'}, HTTP {answer.status}"
    trailer += f", request {answer.request_id})" if answer.request_id else ")"
    if answer.code in _REMEDIES:
        return _REMEDIES[answer.code].format(connection=connection) + trailer
    said = answer.message or "no reason given"
    if answer.endpoint:
        return (
            f"the bucket belongs to another region: set 'endpoint' of {connection} to {answer.endpoint} and "
            f"'region' to match{trailer}"
        )
    if "signing region" in said:
        return f"the region is wrong: check 'region' of {connection} (e.g. cn-hangzhou){trailer}"
    if answer.code == "Imm Client" and "Attachment" in said:
        return (
            "the bucket is bound to no IMM project: bind it in the OSS console (Data Processing) or with "
            f"IMM's AttachOSSBucket{trailer}"
        )
    if answer.status == 403:
        return (
            f"not permitted: grant the RAM user of {connection} what this needs (oss:ListObjects, "
            "oss:GetObject, oss:PutObject, oss:PostProcessTask, oss:ProcessImm, imm:CreateMediaConvertTask, "
            f"imm:GetTask, imm:GetOSSBucketAttachment); the service says: {said}{trailer}"
        )
    if answer.status == 404 and not answer.code:
        return f"there is no such object or bucket{trailer}"
    return f"the service says: {said}{trailer}"


def _service_answer(exception: BaseException) -> ServiceAnswer | None:
    """Read the service's answer off an exception, by each SDK's attributes; no SDK is imported for it."""
    for cause in _causes(exception):
        families = _families(cause)
        if "oss2" in families and isinstance(status := getattr(cause, "status", None), int) and status > 0:
            details = getattr(cause, "details", None) or {}
            return ServiceAnswer(
                "OSS",
                status,
                _text(getattr(cause, "code", "")),
                _text(getattr(cause, "message", "")),
                _text(getattr(cause, "request_id", "")),
                _text(details.get("Endpoint", "")) if isinstance(details, dict) else "",
            )
        if "alibabacloud_oss_v2" in families and isinstance(getattr(cause, "status_code", None), int):
            fields = getattr(cause, "error_fileds", None) or {}
            code = _text(getattr(cause, "code", ""))
            return ServiceAnswer(
                "OSS",
                int(getattr(cause, "status_code", 0)),
                # The SDK's own word for an answer without a body (HEAD) or with one it can't read.
                "" if code == "BadErrorResponse" else code,
                _text(getattr(cause, "message", "")),
                _text(getattr(cause, "request_id", "")),
                _text(fields.get("Endpoint", "")) if isinstance(fields, dict) else "",
            )
        if families & {"Tea", "darabonba"} and getattr(cause, "code", None):
            data = getattr(cause, "data", None)
            data = data if isinstance(data, dict) else {}
            status = getattr(cause, "status_code", None) or data.get("statusCode") or 0
            return ServiceAnswer(
                "IMM",
                int(status) if str(status).isdigit() else 0,
                _text(getattr(cause, "code", "")),
                _text(data.get("Message") or data.get("message") or getattr(cause, "message", "")),
                _text(data.get("RequestId") or data.get("requestId") or ""),
            )
    return None


def _client_complaint(exception: BaseException) -> str | None:
    """What an SDK refused to send at all (invalid name, missing region …)."""
    for cause in _causes(exception):
        families = _families(cause)
        if "oss2" in families:
            return _text(getattr(cause, "body", "")) or str(cause)
        if "alibabacloud_oss_v2" in families and not getattr(cause, "unwrap", None):
            return str(cause)
    return None


def _causes(exception: BaseException) -> Iterator[BaseException]:
    """The exception, then whatever it wraps, by each SDK's own way of wrapping."""
    seen: set[int] = set()
    queue: list[BaseException] = [exception]
    while queue:
        current = queue.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        unwrap = getattr(current, "unwrap", None)
        wrapped = (
            unwrap() if callable(unwrap) and "alibabacloud_oss_v2" in _families(current) else None,
            getattr(current, "exception", None) if "oss2" in _families(current) else None,
            getattr(current, "inner_exception", None) if "Tea" in _families(current) else None,
            getattr(current, "reason", None) if "urllib3" in _families(current) else None,
            current.args[0] if current.args and _families(current) & {"requests", "urllib3"} else None,
            current.__cause__,
            # The IMM SDK raises its own error while it handles the one of requests, and doesn't link them.
            current.__context__ if _families(current) & {"Tea", "darabonba"} else None,
        )
        queue.extend(w for w in wrapped if isinstance(w, BaseException))


def _families(exception: BaseException) -> set[str]:
    """Top-level packages that the exception's classes come from."""
    return {cls.__module__.partition(".")[0] for cls in type(exception).__mro__ if cls is not object}


def _is_connection_error(exception: BaseException) -> bool:
    if isinstance(exception, (ConnectionError, TimeoutError)):
        return True
    names = {cls.__name__ for cls in type(exception).__mro__}
    if _families(exception) & _CONNECTION_FAMILIES == {"builtins"}:
        return False
    return bool(
        names
        & {
            "ConnectionError",  # requests
            "Timeout",  # requests
            "ChunkedEncodingError",  # requests: the connection ended within the answer
            "ClientConnectionError",  # aiohttp: connector, server disconnected, time-outs
            "NewConnectionError",  # urllib3
            "gaierror",
            "SSLError",
        }
    )


def why_unreachable(exception: BaseException) -> str:
    """Why nothing answered, in words; an address only as host and port, as a URL may carry a signature."""
    for cause in _causes(exception):
        name, text = type(cause).__name__, str(cause)
        if isinstance(cause, ConnectionRefusedError) or "Connection refused" in text:
            return f"the endpoint refuses connections{_where(exception)}"
        if name in {"gaierror", "NameResolutionError", "ClientConnectorDNSError"} or "Name or service" in text:
            return f"the endpoint's host name is unknown{_where(exception)}"
        if "SSL" in name or "Certificate" in name:
            return "the endpoint doesn't speak TLS as expected (http:// for https://, or its certificate)"
    for cause in _causes(exception):
        if isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__:
            return f"the endpoint didn't answer in time{_where(exception)}"
    return f"the connection broke before an answer came{_where(exception)}"


def _where(exception: BaseException) -> str:
    """Host and port in brackets, where an exception has them (urllib3: its connection or pool)."""
    for cause in _causes(exception):
        for holder in (cause, getattr(cause, "conn", None), getattr(cause, "pool", None)):
            host, port = getattr(holder, "host", None), getattr(holder, "port", None)
            if isinstance(host, str) and isinstance(port, int):
                return f" ({host}:{port})"
    return ""


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
