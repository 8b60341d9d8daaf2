"""What an SDK's error means for the next try: it passes by itself, needs a changed setting, or concerns one object."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeGuard

from oss_audio_core.oss.service_errors import causes, families, service_error

if TYPE_CHECKING:
    from oss2.exceptions import ServerError

THROTTLED = frozenset(
    {"QpsLimitExceeded", "Throttling", "Throttling.User", "ServiceUnavailable", "SlowDown", "TooManyRequests"}
)
"""Error codes of OSS, IMM and SMQ for too many requests (their documented throttling errors), whatever the status."""

_INCOMPLETE = frozenset({"RequestTimeout"})
"""Codes of 4xx errors for requests that did not arrive whole."""

_EXPIRED = frozenset({"SecurityTokenExpired", "InvalidSecurityToken.Expired"})
"""Codes of temporary credentials that were valid once. Each try of a task reads its connections again, so renewed
credentials take effect without a manual restart."""

_CREDENTIAL_CODES = _EXPIRED | {
    "InvalidAccessKeyId",
    "InvalidAccessKeyId.NotFound",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "InvalidSecurityToken",
    "InvalidSecurityToken.Malformed",
    "InvalidSecurityToken.MismatchWithAccessKey",
}

_CONFIGURATION_CODES = frozenset(
    {"RequestTimeTooSkewed", "UserDisable", "NoSuchBucket", "InvalidBucketName", "SecondLevelDomainForbidden"}
)
"""Codes besides refused credentials that every request of a connection gets: clock, account, bucket, address style."""

_CONNECTION_FAMILIES = frozenset({"requests", "urllib3", "aiohttp", "socket", "ssl", "builtins", "asyncio"})


def is_unreachable(exception: BaseException) -> bool:
    """Whether no answer came at all: refused, reset, unknown host, TLS failure, time-out."""
    if service_error(exception) is not None:
        return False
    return any(_is_connection_error(cause) for cause in causes(exception))


def is_unavailable(exception: BaseException) -> bool:
    """Whether the service answered that it can't serve now: a 5xx, or too many requests."""
    error = service_error(exception)
    if error is None:
        return False
    return error.status >= 500 or error.status == 429 or error.code in THROTTLED or is_incomplete(exception)


def is_incomplete(exception: BaseException) -> bool:
    """Whether the service answered that the request did not arrive whole; it did nothing about it."""
    error = service_error(exception)
    return error is not None and (error.status == 408 or (error.status < 500 and error.code in _INCOMPLETE))


def is_throttled(exception: BaseException) -> bool:
    """Whether the service throttles: fewer requests would be served."""
    error = service_error(exception)
    return error is not None and (error.status == 429 or error.code in THROTTLED)


def is_transient(exception: BaseException) -> bool:
    """Whether the same request may succeed later without any change: an outage, a 5xx, throttling."""
    return is_unreachable(exception) or is_unavailable(exception)


def is_token_expired(exception: BaseException) -> bool:
    """Whether the STS token has expired. Only a process that reads a fresh token gets further."""
    error = service_error(exception)
    return error is not None and error.code in _EXPIRED


def is_credential_error(exception: BaseException) -> bool:
    """Whether the service refused the credentials (key id, secret or STS token)."""
    error = service_error(exception)
    return error is not None and error.code in _CREDENTIAL_CODES


def is_permission_denied(exception: BaseException) -> bool:
    """Whether a permission is missing, for this object or for all. A HEAD without permission has no code at all."""
    error = service_error(exception)
    if error is None or error.status != 403 or _concerns_bucket_or_account(error.message):
        return False
    # An archived object's state is the object's own.
    return error.code not in _CREDENTIAL_CODES | _CONFIGURATION_CODES | {"InvalidObjectState"}


def is_configuration_error(exception: BaseException) -> bool:
    """Whether every request of this connection fails like this until a setting or a permission is changed."""
    error = service_error(exception)
    if error is None or error.code in _EXPIRED:
        return False
    every_request = error.code in _CREDENTIAL_CODES | _CONFIGURATION_CODES
    return every_request or is_permission_denied(exception) or _concerns_bucket_or_account(error.message)


def is_object_error(error: Exception) -> TypeGuard[ServerError]:
    """Whether OSS refused this one object, so that a later try would not help and the other objects may go on.

    A missing permission (403) is granted in the account, and a conversion must not be paid for twice because of it. Of
    the 403 errors only the state of an archived object is the object's own.
    """
    import oss2

    if not isinstance(error, oss2.exceptions.ServerError) or not 400 <= error.status < 500:
        return False
    return not (is_unavailable(error) or is_credential_error(error) or is_configuration_error(error))


def _concerns_bucket_or_account(message: str) -> bool:
    """Whether an error concerns the bucket or the account, whatever the object (texts of wire.md, section 1.3)."""
    return "Attachment is not found" in message or "signing region" in message


def _is_connection_error(exception: BaseException) -> bool:
    if isinstance(exception, (ConnectionError, TimeoutError)):
        return True
    names = {cls.__name__ for cls in type(exception).__mro__}
    if families(exception) & _CONNECTION_FAMILIES == {"builtins"}:
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
