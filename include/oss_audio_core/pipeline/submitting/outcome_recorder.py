"""Recording the outcomes of submits in the catalogue, each one only while its claim is still held."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from sqlalchemy.engine import Connection

from oss_audio_core.catalogue import conversions
from oss_audio_core.catalogue.conversions import move, next_retry
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.states import Verb
from oss_audio_core.oss import OssConfigurationError, OssSettings, OssUnavailable
from oss_audio_core.pipeline.submitting import throttle as throttling
from oss_audio_core.pipeline.submitting.claims import Claim
from oss_audio_core.pipeline.submitting.errors import NoAnswer
from oss_audio_core.pipeline.submitting.outcomes import OutcomeKind, SubmitOutcome
from oss_audio_core.pipeline.submitting.throttle import Throttle
from oss_audio_core.text.logs import get_logger

log = get_logger(__name__)


class OutcomeRecorder:
    """Records outcomes, counts them, and keeps what they say about the service as a whole.

    Attributes:
        counts: how many conversions had which outcome.
        fatal: the outcome that ends the shard for now; None: submits go on.
        answered: whether the service accepted or rejected a submit by an answer of its own.
    """

    def __init__(self, deadline: timedelta, throttle: Throttle) -> None:
        """Start without outcomes.

        Args:
            deadline: how long after its submit a conversion must be done.
            throttle: learns of accepted and of throttled submits.
        """
        self.counts: Counter[str] = Counter()
        self.fatal: SubmitOutcome | None = None
        self.answered = False
        self._accepted = False
        self._deadline = deadline
        self._throttle = throttle

    def record(self, connection: Connection, claim: Claim, outcome: SubmitOutcome) -> None:
        """Record one outcome, if the claim is still held."""
        if outcome.kind is OutcomeKind.DENIED and self._accepted:
            outcome = replace(outcome, kind=OutcomeKind.REJECTED)
        if outcome.kind is OutcomeKind.ACCEPTED:
            self._record_accepted(connection, claim, outcome)
        elif outcome.kind is OutcomeKind.REJECTED:
            self.reject(connection, claim, outcome.code, outcome.message)
            self.answered = self.answered or outcome.error is not None
        elif outcome.kind is OutcomeKind.UNKNOWN:
            # The row keeps its claim. `LostSubmitHandler` looks for its task when the lease is over.
            one = claim.conversion
            self.counts[outcome.kind.value] += 1
            log.warning("oss://%s/%s: %s; will look for its task", one.bucket, one.key, outcome.message)
        else:
            self._release(connection, claim, outcome)

    def record_found(self, connection: Connection, claim: Claim) -> None:
        """Record a conversion whose output was found though its submit had no answer."""
        self.counts["found"] += move(connection, Verb.ADOPT, claim.conversion.id, held=claim.token, task_id=None)
        self._on_accepted()

    def reject(self, connection: Connection, claim: Claim, code: str | None, message: str | None) -> None:
        """Record a conversion that has failed."""
        one = claim.conversion
        log.warning("oss://%s/%s: %s %s", one.bucket, one.key, code, message)
        self.counts[OutcomeKind.REJECTED.value] += move(
            connection,
            Verb.REJECT,
            one.id,
            held=claim.token,
            code=code,
            message=message,
            retry_at=next_retry(one.attempt),
        )

    def fatal_error(self, outcome: SubmitOutcome, settings: OssSettings) -> Exception:
        """The exception that the shard ends with because of a fatal outcome."""
        error = outcome.error or RuntimeError(outcome.message)
        sentence = settings.explain(error, "Submitting a conversion")
        if outcome.kind is OutcomeKind.NOT_TAKEN:
            minutes = throttling.GIVE_UP_AFTER / 60
            return NoAnswer(f"OSS has taken no submit for {minutes:.0f} minutes: {sentence}")
        return (OssUnavailable if outcome.kind is OutcomeKind.AWAY else OssConfigurationError)(sentence)

    def _record_accepted(self, connection: Connection, claim: Claim, outcome: SubmitOutcome) -> None:
        one, submitted_at = claim.conversion, outcome.submitted_at or now()
        moved = move(
            connection,
            Verb.ACCEPT,
            one.id,
            held=claim.token,
            task_id=outcome.task_id,
            submitted_at=submitted_at,
            deadline_at=submitted_at + self._deadline,
        )
        self.counts[outcome.kind.value] += moved
        if not moved:
            # The search for a lost submit must know this task as another attempt's.
            conversions.record_superseded_task(connection, one.id, token=claim.token, task_id=outcome.task_id or "")
            log.warning(
                "oss://%s/%s was accepted as task %s, which is not waited for: while it was submitted, a newer "
                "generation of it was planned, or another process took its claim over",
                one.bucket,
                one.key,
                outcome.task_id,
            )
        self._on_accepted()

    def _release(self, connection: Connection, claim: Claim, outcome: SubmitOutcome) -> None:
        """Plan a conversion again that was surely not accepted."""
        self.counts[outcome.kind.value] += move(
            connection, Verb.RELEASE, claim.conversion.id, held=claim.token, output_bucket=None, output_key=None
        )
        if outcome.kind is OutcomeKind.NOT_TAKEN:
            if self._throttle.on_throttled(claim.claimed_at, outcome.code):
                self.fatal = outcome
        elif outcome.kind is not OutcomeKind.NOT_SENT:
            self.fatal = outcome

    def _on_accepted(self) -> None:
        """The service accepts submits: the pace recovers, and earlier refusals concerned single conversions."""
        self.answered = self._accepted = True
        self._throttle.on_accepted()
        if self.fatal is not None and self.fatal.kind is not OutcomeKind.MISCONFIGURED:
            self.fatal = None
