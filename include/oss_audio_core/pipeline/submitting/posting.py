"""The POST of `audio/convert` that submits one conversion, and what its answer proves."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from oss_audio_core.audio_convert import AudioConvert, ParameterError, ProcessRequest, SaveAs
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.database import Catalogue, now
from oss_audio_core.catalogue.task_ids import is_task_id
from oss_audio_core.oss import OssSettings
from oss_audio_core.oss.error_classification import (
    THROTTLED,
    is_configuration_error,
    is_incomplete,
    is_permission_denied,
    is_token_expired,
)
from oss_audio_core.pipeline.final_keys import CODE, FinalKeys, TargetOccupied
from oss_audio_core.pipeline.submitting.claims import Claim
from oss_audio_core.pipeline.submitting.outcomes import OutcomeKind, SubmitOutcome

UNREACHABLE = "Unreachable"
"""Code of an outcome without a complete answer of the service."""

PAUSES = (2.0, 8.0)
"""Seconds between the tries of a POST that surely did not reach the service."""


class SubmitPoster:
    """Makes the POSTs of one shard; the threads of its pool share it.

    A submit is paid for. A POST is repeated only when it surely did not reach the service.
    """

    def __init__(self, catalogue: Catalogue, settings: OssSettings, topic: str | None) -> None:
        """Prepare the connection pool; no request is made.

        Args:
            catalogue: knows which objects at final keys are its own.
            settings: of the service that converts.
            topic: SMQ topic for the notification; None: no message is asked for.
        """
        self._settings = settings
        self._final_keys = FinalKeys(catalogue, settings)
        self._topic = topic
        self._session = settings.session(retry=False)
        self._longest = timedelta(seconds=settings.connect_timeout + settings.read_timeout)

    def post(self, claim: Claim) -> SubmitOutcome:
        """Submit one claimed conversion; an unforeseen error is an unknown outcome of this conversion alone."""
        try:
            return self._post_until_sent(claim)
        except Exception as error:  # noqa: BLE001 - the TaskIds of the other conversions must be recorded all the same
            what = f"Submitting oss://{claim.conversion.bucket}/{claim.conversion.key}"
            message = self._settings.explain(error, what)
            return SubmitOutcome(OutcomeKind.UNKNOWN, code=type(error).__name__, message=message)

    def _post_until_sent(self, claim: Claim) -> SubmitOutcome:
        bucket = self._settings.bucket(claim.conversion.bucket, session=self._session)
        for pause in (*PAUSES, None):
            # Before each try: something else may have been put there in the pause.
            refusal = self._look(claim.conversion)
            if refusal is not None:
                return refusal
            if now() + self._longest > claim.lease_until:
                # This process was suspended. The claim may end before OSS answers, and another process would look for
                # a task that does not exist yet.
                return SubmitOutcome(OutcomeKind.NOT_SENT)
            outcome = post(bucket, claim.conversion, self._topic)
            if outcome.kind is not OutcomeKind.NOT_TAKEN or outcome.code != UNREACHABLE:
                return outcome
            if pause is None:
                return replace(outcome, kind=OutcomeKind.AWAY)
            time.sleep(pause)
        raise AssertionError("the last try returned")

    def _look(self, one: Conversion) -> SubmitOutcome | None:
        """Look at the final key of a conversion that writes there at once; None: it may be submitted.

        The service itself overwrites whatever stands there when it has finished.
        """
        import oss2
        import requests

        if one.publish == "staged":
            return None
        try:
            self._final_keys.refuse_occupied(one.target_bucket, one.target_key)
        except TargetOccupied as error:
            return SubmitOutcome(OutcomeKind.REJECTED, code=CODE, message=str(error))
        except oss2.exceptions.ServerError as error:
            refusal = _refusal(error)
            # Nothing was submitted: nothing is to be looked for.
            return replace(refusal, kind=OutcomeKind.AWAY) if refusal.kind is OutcomeKind.UNKNOWN else refusal
        except (oss2.exceptions.RequestError, requests.exceptions.RequestException) as error:
            return SubmitOutcome(OutcomeKind.AWAY, code=UNREACHABLE, message="no answer from OSS", error=error)
        return None


def longest_post(settings: OssSettings) -> float:
    """Seconds that all tries of one POST may take together."""
    return (len(PAUSES) + 1) * settings.connect_timeout + sum(PAUSES) + settings.read_timeout


def process_of(wanted: Conversion, topic: str | None) -> str:
    """The process string of one conversion, writing to the claim's own output key."""
    if wanted.output_key is None:
        raise ValueError(f"conversion {wanted.id} has no output key: it was not claimed")
    saveas = SaveAs.literal(wanted.output_key, wanted.output_bucket)
    return ProcessRequest(AudioConvert.parse(wanted.process), saveas, topic).render()


def post(bucket: Any, wanted: Conversion, topic: str | None) -> SubmitOutcome:
    """Submit one conversion, once.

    Args:
        bucket: an `oss2.Bucket` of the source; oss2 never repeats a request by itself.
        wanted: the claimed conversion, with the key that its attempt writes to.
        topic: SMQ topic for the notification, None for none.
    """
    import oss2
    import requests

    try:
        process = process_of(wanted, topic)
    except ParameterError as error:
        return SubmitOutcome(OutcomeKind.REJECTED, code="InvalidParameter", message=str(error))
    try:
        answer = bucket.async_process_object(wanted.key, process)
    except oss2.exceptions.RequestError as error:
        certain = any(_before_sending(cause) for cause in _causes(error))
        kind = OutcomeKind.NOT_TAKEN if certain else OutcomeKind.UNKNOWN
        return SubmitOutcome(kind, code=UNREACHABLE, message="no answer from OSS", error=error)
    except requests.exceptions.RequestException as error:
        # The connection ended within the answer: oss2 doesn't wrap what happens while it reads one.
        return SubmitOutcome(OutcomeKind.UNKNOWN, code=UNREACHABLE, message="the answer of OSS broke off", error=error)
    except oss2.exceptions.ServerError as error:
        return _refusal(error)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        # A success without the documented fields: something was accepted, and its TaskId is unknown.
        return SubmitOutcome(OutcomeKind.UNKNOWN, code="NoTaskId", message="OSS answered without a TaskId", error=error)
    if not is_task_id(answer.task_id):
        return SubmitOutcome(OutcomeKind.UNKNOWN, code="NoTaskId", message="OSS answered without a usable TaskId")
    return SubmitOutcome(
        OutcomeKind.ACCEPTED, task_id=answer.task_id, submitted_at=_date(answer.resp.headers.get("Date"))
    )


def _date(header: str | None) -> datetime:
    """The service's clock; this machine's where the header is not readable: the TaskId must not be lost over it."""
    try:
        return parsedate_to_datetime(header or "").astimezone(UTC)
    except (ValueError, OverflowError, TypeError):
        return now()


def _refusal(error: Any) -> SubmitOutcome:
    code, message = error.code or f"HTTP {error.status}", error.message or "the service gave no reason"
    if code in THROTTLED or error.status == 429 or is_incomplete(error):
        kind = OutcomeKind.NOT_TAKEN
    elif not error.code:
        # A gateway before OSS may have answered, whatever became of the request behind it.
        kind, message = OutcomeKind.UNKNOWN, f"HTTP {error.status} without an error of OSS"
    elif error.status >= 500:
        kind = OutcomeKind.UNKNOWN
    elif is_token_expired(error):
        kind = OutcomeKind.AWAY
    elif is_permission_denied(error):
        kind = OutcomeKind.DENIED
    elif is_configuration_error(error):
        kind = OutcomeKind.MISCONFIGURED
    else:
        kind = OutcomeKind.REJECTED
    return SubmitOutcome(kind, code=code, message=message, error=error)


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
