"""Turns an error of SMQ, or a missing answer, into one typed error with one clear sentence."""

from __future__ import annotations

from dataclasses import dataclass

from oss_audio_core.oss.error_classification import THROTTLED
from oss_audio_core.oss.explain import why_unreachable
from oss_audio_core.oss.redact import redact
from oss_audio_core.smq.documents import UnreadableXml, children, local_name, parse
from oss_audio_core.smq.errors import (
    QueueNotExist,
    SmqCredentialError,
    SmqError,
    SmqUnavailable,
    SmqUnreachable,
    TopicNotExist,
)
from oss_audio_core.smq.permissions import PERMISSIONS
from oss_audio_core.smq.settings import SmqSettings


@dataclass(frozen=True)
class Answer:
    """An HTTP answer and what was asked ("Receiving from queue 'q'")."""

    what: str
    status: int
    body: bytes


# SMQ's codes (wire.md section 7) and what they mean for the settings of the connection.
_REMEDIES: dict[str, tuple[type[SmqError], str]] = {
    "QueueNotExist": (
        QueueNotExist,
        "there is no such queue: create it, or correct its name in {connection} or in the DAG's settings",
    ),
    "TopicNotExist": (
        TopicNotExist,
        "there is no such topic: create it, or correct its name in {connection} or in the DAG's settings",
    ),
    "InvalidAccessKeyId": (
        SmqCredentialError,
        "the access key id is unknown: check the login of {connection}",
    ),
    "AccessIDAuthError": (
        SmqCredentialError,
        "the access key id is unknown: check the login of {connection}",
    ),
    "SignatureDoesNotMatch": (
        SmqCredentialError,
        "the access key secret doesn't belong to the access key id: check the password of {connection}",
    ),
    "InvalidSecurityToken": (
        SmqCredentialError,
        "the STS token was refused or has expired: check 'security_token' of {connection}",
    ),
    "AccessDenied": (
        SmqCredentialError,
        f"not permitted: grant the RAM user of {{connection}} {', '.join(PERMISSIONS)}, and check the account id in "
        "the endpoint",
    ),
    "TimeExpired": (SmqError, "this machine's clock differs too much from SMQ's: set it, e.g. by NTP"),
}


def error_of(answer: Answer, settings: SmqSettings) -> SmqError:
    """Return the error that an answer means. What SMQ quotes of the request is not repeated."""
    try:
        root = parse(answer.body)
        fields = children(root) if local_name(root) == "Error" else {}
    except UnreadableXml:
        fields = {}
    code, request_id = fields.get("Code", ""), fields.get("RequestId", "")
    trailer = f"(SMQ: {code or 'no code'}, HTTP {answer.status}"
    trailer += f", request {request_id})" if request_id else ")"
    kind, remedy = _REMEDIES.get(code, (SmqError, ""))
    said = (fields.get("Message") or "no reason given").rstrip(".")
    if answer.status >= 500 or answer.status == 429 or code in THROTTLED:
        kind, remedy = SmqUnavailable, f"SMQ can't serve now, which passes; it says: {said}"
    elif not remedy and fields:
        remedy = f"the service says: {said}; check the endpoint of {{connection}} and what its user may do"
    elif not remedy:
        remedy = "the answer isn't SMQ's: check 'endpoint' of {connection}"
    sentence = f"{answer.what} failed: {remedy.replace('{connection}', settings.name)} {trailer}."
    return kind(redact(sentence, settings.secrets), code=code, status=answer.status, request_id=request_id)


def unreachable(error: BaseException, what: str, settings: SmqSettings) -> SmqUnreachable:
    """Return the error for no answer at all."""
    return SmqUnreachable(
        f"{what} failed: {why_unreachable(error)}; an outage passes, and the next try goes on; if this never worked, "
        f"check the endpoint of {settings.name}, and that this machine may connect to it."
    )
