"""One clear sentence for every error of the SDKs: what happened, which setting, what to do."""

from __future__ import annotations

from collections.abc import Iterable

from oss_audio_core.oss.error_classification import THROTTLED, is_unreachable
from oss_audio_core.oss.errors import OssConfigurationError
from oss_audio_core.oss.permissions import PERMISSIONS
from oss_audio_core.oss.redact import redact
from oss_audio_core.oss.service_errors import ServiceError, as_text, causes, families, service_error

# What each code means for the settings of the connection. The codes are those of the error pages of OSS
# and IMM; the finer EC values are not used, because OSS may change them.
_REMEDIES: dict[str, str] = {
    "InvalidAccessKeyId": "the access key id is unknown: check 'access_key_id' of {connection}",
    "InvalidAccessKeyId.NotFound": "the access key id is unknown: check 'access_key_id' of {connection}",
    "SignatureDoesNotMatch": (
        "the access key secret doesn't belong to the access key id: check 'access_key_secret' of {connection}"
    ),
    "IncompleteSignature": "the signature was refused: check 'access_key_secret' of {connection}",
    **dict.fromkeys(
        ("InvalidSecurityToken", "InvalidSecurityToken.Malformed", "InvalidSecurityToken.MismatchWithAccessKey"),
        "the STS token was refused: check that 'security_token' of {connection} belongs to its access key",
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


def explain(
    exception: BaseException,
    what: str,
    *,
    connection: str = "the OSS connection",
    secrets: Iterable[str | None] = (),
) -> str:
    """Say what an SDK's exception means and what to do about it, in one sentence.

    Args:
        exception: from oss2, alibabacloud_oss_v2 (`OperationError` included), the IMM SDK, requests or aiohttp.
        what: what was being done, as the start of a sentence: "Listing oss://music/in/".
        connection: what to call the connection, e.g. "connection 'oss_default'".
        secrets: values that must not show, whatever the service quotes.
    """
    if isinstance(exception, OssConfigurationError):
        return redact(str(exception), secrets)
    answer = service_error(exception)
    if answer is not None:
        sentence = f"{what} failed: {_explain_answer(answer, connection)}"
    elif is_unreachable(exception):
        sentence = (
            f"{what} failed: {why_unreachable(exception)}; an outage passes, and the next try goes on; if this never "
            f"worked, check 'endpoint' (and 'internal_endpoint', 'imm_endpoint' where set) of {connection}, and that "
            "this machine may connect to it"
        )
    elif (complaint := _client_complaint(exception)) is not None:
        sentence = f"{what} failed: {complaint}; check 'endpoint' and 'region' of {connection}"
    else:
        sentence = f"{what} failed: {type(exception).__name__}: {exception}"
    return redact(" ".join(sentence.split()), secrets).rstrip(".") + "."


def _explain_answer(answer: ServiceError, connection: str) -> str:
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
            f"not permitted: grant the RAM user of {connection} what this needs, of {', '.join(PERMISSIONS)}; "
            f"the service says: {said}{trailer}"
        )
    if answer.status == 404 and not answer.code:
        return f"there is no such object or bucket{trailer}"
    if answer.status >= 500 or answer.code in THROTTLED:
        return f"the service can't serve now, which passes; it says: {said}{trailer}"
    return f"the service says: {said}{trailer}"


def _client_complaint(exception: BaseException) -> str | None:
    """What an SDK refused to send at all (invalid name, missing region …)."""
    for cause in causes(exception):
        kinds = families(cause)
        if "oss2" in kinds:
            return as_text(getattr(cause, "body", "")) or str(cause)
        if "alibabacloud_oss_v2" in kinds and not getattr(cause, "unwrap", None):
            return str(cause)
    return None


def why_unreachable(exception: BaseException) -> str:
    """Why nothing answered, in words; an address only as host and port, as a URL may carry a signature."""
    for cause in causes(exception):
        name, text = type(cause).__name__, str(cause)
        if isinstance(cause, ConnectionRefusedError) or "Connection refused" in text:
            return f"the endpoint refuses connections{_where(exception)}"
        if name in {"gaierror", "NameResolutionError", "ClientConnectorDNSError"} or "Name or service" in text:
            return f"the endpoint's host name is unknown{_where(exception)}"
        if "SSL" in name or "Certificate" in name:
            return "the endpoint doesn't speak TLS as expected (http:// for https://, or its certificate)"
    for cause in causes(exception):
        if isinstance(cause, TimeoutError) or "Timeout" in type(cause).__name__:
            return f"the endpoint didn't answer in time{_where(exception)}"
    return f"the connection broke before an answer came{_where(exception)}"


def _where(exception: BaseException) -> str:
    """Host and port in brackets, where an exception has them (urllib3: its connection or pool)."""
    for cause in causes(exception):
        for holder in (cause, getattr(cause, "conn", None), getattr(cause, "pool", None)):
            host, port = getattr(holder, "host", None), getattr(holder, "port", None)
            if isinstance(host, str) and isinstance(port, int):
                return f" ({host}:{port})"
    return ""
