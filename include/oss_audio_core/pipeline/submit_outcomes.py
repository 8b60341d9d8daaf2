"""One POST of `audio/convert`, and what its answer proves: accepted, refused, surely not taken, or unknown."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from oss_audio_core.audio_convert import AudioConvert, ParameterError, ProcessRequest, SaveAs
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.database import now
from oss_audio_core.oss.error_classification import THROTTLED, is_denied, is_expired, is_unheard, is_wrong_setting


class Kind(StrEnum):
    """What an answer proves about a submit."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"  # the service refused this request: the conversion has failed
    NOT_TAKEN = "not taken"  # nothing was accepted, and a later try may succeed
    NOT_SENT = "not sent"  # the claim was about to end: nobody was asked
    DENIED = "denied"  # this object, or all of them: what becomes of the others tells
    UNKNOWN = "unknown"  # it may have been accepted: look before trying again
    AWAY = "away"  # nobody answers, or the STS token has expired: a later try of the task may get further
    MISCONFIGURED = "misconfigured"  # no request of this batch can succeed until somebody changes a setting


@dataclass(frozen=True)
class Outcome:
    """The outcome of one submit.

    Attributes:
        submitted_at: by the service's own clock where it told it.
        error: the SDK's exception, for the sentence that a misconfiguration ends with.
    """

    kind: Kind
    task_id: str | None = None
    submitted_at: datetime | None = None
    code: str | None = None
    message: str | None = None
    error: Exception | None = None


def process_of(wanted: Conversion, topic: str | None) -> str:
    """The process string of one conversion, writing to the claim's own output key."""
    if wanted.output_key is None:
        raise ValueError(f"conversion {wanted.id} has no output key: it was not claimed")
    saveas = SaveAs.literal(wanted.output_key, wanted.output_bucket)
    return ProcessRequest(AudioConvert.parse(wanted.process), saveas, topic).render()


def post(bucket: Any, wanted: Conversion, topic: str | None) -> Outcome:
    """Submit one conversion, once.

    Args:
        bucket: an `oss2.Bucket` of the source; oss2 never repeats a request by itself.
        topic: SMQ topic for the completion message, None for none.
    """
    import oss2
    import requests

    try:
        process = process_of(wanted, topic)
    except ParameterError as error:
        return Outcome(Kind.REJECTED, code="InvalidParameter", message=str(error))
    try:
        answer = bucket.async_process_object(wanted.key, process)
    except oss2.exceptions.RequestError as error:
        certain = any(_before_sending(cause) for cause in _causes(error))
        kind = Kind.NOT_TAKEN if certain else Kind.UNKNOWN
        return Outcome(kind, code="Unreachable", message="no answer from OSS", error=error)
    except requests.exceptions.RequestException as error:
        # The connection ended within the answer: oss2 doesn't wrap what happens while it reads one.
        return Outcome(Kind.UNKNOWN, code="Unreachable", message="the answer of OSS broke off", error=error)
    except oss2.exceptions.ServerError as error:
        return _refusal(error)
    except (KeyError, ValueError) as error:
        # A success without the documented fields: something was accepted, under a name we were not told.
        return Outcome(Kind.UNKNOWN, code="NoTaskId", message="OSS answered without a TaskId", error=error)
    if not answer.task_id:
        return Outcome(Kind.UNKNOWN, code="NoTaskId", message="OSS answered without a TaskId")
    return Outcome(Kind.ACCEPTED, task_id=answer.task_id, submitted_at=_date(answer.resp.headers.get("Date")))


def _date(header: str | None) -> datetime:
    """The service's clock; ours where it told nothing readable, for the TaskId must not be lost over it."""
    try:
        return parsedate_to_datetime(header or "").astimezone(UTC)
    except (ValueError, OverflowError, TypeError):
        return now()


def _refusal(error: Any) -> Outcome:
    code, message = error.code or f"HTTP {error.status}", error.message or "the service gave no reason"
    if code in THROTTLED or error.status == 429 or is_unheard(error):
        kind = Kind.NOT_TAKEN
    elif not error.code:
        # Somebody between us and OSS may have answered, whatever became of the request behind him.
        kind, message = Kind.UNKNOWN, f"HTTP {error.status} without an error of OSS"
    elif error.status >= 500:
        kind = Kind.UNKNOWN
    elif is_expired(error):
        kind = Kind.AWAY
    elif is_denied(error):
        kind = Kind.DENIED
    elif is_wrong_setting(error):
        kind = Kind.MISCONFIGURED
    else:
        kind = Kind.REJECTED
    return Outcome(kind, code=code, message=message, error=error)


def _causes(error: Any) -> Iterator[BaseException]:
    """The exceptions below oss2's, down through requests and urllib3."""
    current = error.exception
    seen: set[int] = set()
    while isinstance(current, BaseException) and id(current) not in seen:
        seen.add(id(current))
        yield current
        inner = getattr(current, "reason", None) or (current.args[0] if current.args else None)
        current = inner if isinstance(inner, BaseException) else current.__cause__ or current.__context__


def _before_sending(cause: BaseException) -> bool:
    """Whether the failure came before the request could have reached the service: DNS, connect, TLS handshake."""
    import requests
    import urllib3

    if isinstance(cause, ssl.SSLError):
        # TLS can break while the answer is read, too: only these two belong to the handshake alone.
        return isinstance(cause, ssl.SSLCertVerificationError) or cause.reason == "WRONG_VERSION_NUMBER"
    return isinstance(
        cause,
        requests.exceptions.ConnectTimeout
        | urllib3.exceptions.NewConnectionError
        | urllib3.exceptions.ConnectTimeoutError
        | urllib3.exceptions.NameResolutionError,
    )
