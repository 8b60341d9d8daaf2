"""What an SDK's error means to who may try again: it passes by itself, or somebody has to change a setting first."""

from __future__ import annotations

from oss_audio_core.oss.answers import causes, families, service_answer

THROTTLED = frozenset(
    {"QpsLimitExceeded", "Throttling", "Throttling.User", "ServiceUnavailable", "SlowDown", "TooManyRequests"}
)
"""Error codes with which OSS, IMM and SMQ ask for patience (their documented throttling answers), whatever the status.
"""

_NOT_HEARD = frozenset({"RequestTimeout"})
"""Codes of 4xx answers to requests that didn't arrive whole."""

_EXPIRED = frozenset({"SecurityTokenExpired", "InvalidSecurityToken.Expired"})
"""Temporary credentials that were good once. Connections are read anew by every try of a task: who renews them there
needs nobody to start the task again."""

_CREDENTIAL_CODES = _EXPIRED | {
    "InvalidAccessKeyId",
    "InvalidAccessKeyId.NotFound",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "InvalidSecurityToken",
    "InvalidSecurityToken.Malformed",
    "InvalidSecurityToken.MismatchWithAccessKey",
}

_HOPELESS = frozenset(
    {"RequestTimeTooSkewed", "UserDisable", "NoSuchBucket", "InvalidBucketName", "SecondLevelDomainForbidden"}
)
"""Besides refused credentials, what no request of this connection gets past: clock, account, bucket, form of address.
"""

_CONNECTION_FAMILIES = frozenset({"requests", "urllib3", "aiohttp", "socket", "ssl", "builtins", "asyncio"})


def is_unreachable(exception: BaseException) -> bool:
    """Whether no answer came at all: refused, reset, no such host, TLS failure, time-out."""
    if service_answer(exception) is not None:
        return False
    return any(_is_connection_error(cause) for cause in causes(exception))


def is_passing(exception: BaseException) -> bool:
    """Whether the service said that it can't serve now: a 5xx, or too many requests."""
    answer = service_answer(exception)
    if answer is None:
        return False
    return answer.status >= 500 or answer.status == 429 or answer.code in THROTTLED or is_unheard(exception)


def is_unheard(exception: BaseException) -> bool:
    """Whether the service said that the request didn't arrive whole: it did nothing about it."""
    answer = service_answer(exception)
    return answer is not None and (answer.status == 408 or (answer.status < 500 and answer.code in _NOT_HEARD))


def is_throttled(exception: BaseException) -> bool:
    """Whether the service asked for patience: fewer requests would be served."""
    answer = service_answer(exception)
    return answer is not None and (answer.status == 429 or answer.code in THROTTLED)


def is_outage(exception: BaseException) -> bool:
    """Whether the same request may succeed in a while, though nobody changes anything."""
    return is_unreachable(exception) or is_passing(exception)


def is_expired(exception: BaseException) -> bool:
    """Whether the STS token has had its time: this process won't get further, one that reads a fresh token will."""
    answer = service_answer(exception)
    return answer is not None and answer.code in _EXPIRED


def is_credential_error(exception: BaseException) -> bool:
    """Whether the service refused who we are (key id, secret or STS token)."""
    answer = service_answer(exception)
    return answer is not None and answer.code in _CREDENTIAL_CODES


def is_denied(exception: BaseException) -> bool:
    """Whether a permission is missing: of this object, or of all. A HEAD that isn't permitted has no code at all."""
    answer = service_answer(exception)
    if answer is None or answer.status != 403 or _about_the_place(answer.message):
        return False
    # An archived object's state is the object's own.
    return answer.code not in _CREDENTIAL_CODES | _HOPELESS | {"InvalidObjectState"}


def is_wrong_setting(exception: BaseException) -> bool:
    """Whether no request of this connection gets past this answer, until somebody changes a setting or a permission."""
    answer = service_answer(exception)
    if answer is None or answer.code in _EXPIRED:
        return False
    hopeless = answer.code in _CREDENTIAL_CODES | _HOPELESS
    return hopeless or is_denied(exception) or _about_the_place(answer.message)


def _about_the_place(message: str) -> bool:
    """Refusals that concern the bucket or the account, whatever the object (texts of wire.md, section 1.3)."""
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
