"""The error that a service gave, read from the exceptions of three SDKs without a common base; none is imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class ServiceError:
    """An error that a service gave, in the same few fields whatever the SDK.

    Attributes:
        service: OSS or IMM.
        status: the HTTP status.
        endpoint: the address that OSS wants for this bucket, when it names one.
    """

    service: str
    status: int
    code: str
    message: str
    request_id: str
    endpoint: str = ""


def service_error(exception: BaseException) -> ServiceError | None:
    """Read the service's error from an exception, by each SDK's attributes; None when no service answered."""
    for cause in causes(exception):
        kinds = families(cause)
        if "oss2" in kinds and isinstance(status := getattr(cause, "status", None), int) and status > 0:
            details = getattr(cause, "details", None) or {}
            return ServiceError(
                "OSS",
                status,
                as_text(getattr(cause, "code", "")),
                as_text(getattr(cause, "message", "")),
                as_text(getattr(cause, "request_id", "")),
                as_text(details.get("Endpoint", "")) if isinstance(details, dict) else "",
            )
        if "alibabacloud_oss_v2" in kinds and isinstance(getattr(cause, "status_code", None), int):
            fields = getattr(cause, "error_fileds", None) or {}
            code = as_text(getattr(cause, "code", ""))
            return ServiceError(
                "OSS",
                int(getattr(cause, "status_code", 0)),
                # The SDK's own word for an answer without a body (HEAD) or with one it can't read.
                "" if code == "BadErrorResponse" else code,
                as_text(getattr(cause, "message", "")),
                as_text(getattr(cause, "request_id", "")),
                as_text(fields.get("Endpoint", "")) if isinstance(fields, dict) else "",
            )
        if kinds & {"Tea", "darabonba"} and getattr(cause, "code", None):
            data = getattr(cause, "data", None)
            data = data if isinstance(data, dict) else {}
            status = getattr(cause, "status_code", None) or data.get("statusCode") or 0
            return ServiceError(
                "IMM",
                int(status) if str(status).isdigit() else 0,
                as_text(getattr(cause, "code", "")),
                as_text(data.get("Message") or data.get("message") or getattr(cause, "message", "")),
                as_text(data.get("RequestId") or data.get("requestId") or ""),
            )
    return None


def causes(exception: BaseException) -> Iterator[BaseException]:
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
            unwrap() if callable(unwrap) and "alibabacloud_oss_v2" in families(current) else None,
            getattr(current, "exception", None) if "oss2" in families(current) else None,
            getattr(current, "inner_exception", None) if "Tea" in families(current) else None,
            getattr(current, "reason", None) if "urllib3" in families(current) else None,
            current.args[0] if current.args and families(current) & {"requests", "urllib3"} else None,
            current.__cause__,
            # The IMM SDK raises its own error while it handles the one of requests, and doesn't link them.
            current.__context__ if families(current) & {"Tea", "darabonba"} else None,
        )
        queue.extend(w for w in wrapped if isinstance(w, BaseException))


def families(exception: BaseException) -> set[str]:
    """Top-level packages that the exception's classes come from."""
    return {cls.__module__.partition(".")[0] for cls in type(exception).__mro__ if cls is not object}


def as_text(value: object) -> str:
    """An attribute as text without white space around it; empty if it is none."""
    return value.strip() if isinstance(value, str) else ""
