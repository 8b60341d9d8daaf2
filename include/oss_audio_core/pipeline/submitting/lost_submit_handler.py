"""Deciding half submitted conversions of a shard: own ones with an unknown outcome, and those of a dead process."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

from oss_audio_core.catalogue import conversions
from oss_audio_core.catalogue.conversions import move
from oss_audio_core.catalogue.database import Catalogue, now
from oss_audio_core.catalogue.states import State, Verb
from oss_audio_core.oss import OssSettings, check_imm
from oss_audio_core.pipeline.submitting import posting
from oss_audio_core.pipeline.submitting.claims import Claim
from oss_audio_core.pipeline.submitting.errors import NoAnswer
from oss_audio_core.pipeline.submitting.lost_submit_finder import LostSubmitFinder
from oss_audio_core.pipeline.submitting.outcome_recorder import OutcomeRecorder
from oss_audio_core.pipeline.submitting.outcomes import OutcomeKind, SubmitOutcome
from oss_audio_core.text.logs import get_logger

log = get_logger(__name__)

MAX_LOST_SUBMITS = 3
"""Submits of one conversion that may leave no trace. Then the conversion has failed or, if no other conversion got an
answer, the service is taken for unavailable."""

CHECK_EVERY = 2.0
"""Seconds between two looks at conversions that another process is submitting."""


class LostSubmitHandler:
    """Claims conversions whose lease has expired, and records what became of each one's submit."""

    def __init__(
        self,
        catalogue: Catalogue,
        settings: OssSettings,
        batch_id: int,
        shard: int,
        lease: timedelta,
        recorder: OutcomeRecorder,
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            catalogue: the catalogue.
            settings: of the service that converts.
            batch_id: the batch.
            shard: its shard.
            lease: how long a claim lasts.
            recorder: records what was found out.
        """
        self._catalogue = catalogue
        self._settings = settings
        self._batch_id = batch_id
        self._shard = shard
        self._lease = lease
        self._recorder = recorder
        self._tasks = settings.imm()
        self._lost: Counter[int] = Counter()

    def handle(self) -> bool:
        """Decide the half submitted conversions whose claims can be taken; wait a moment for the others.

        Returns:
            Whether the shard may still have something to submit or to decide.

        Raises:
            NoAnswer: what became of a submit could not be found out.
        """
        with self._catalogue.read() as connection:
            half = conversions.of_batch(connection, self._batch_id, [State.SUBMITTING], shard=self._shard)
        if not half:
            with self._catalogue.read() as connection:
                counts = conversions.count_states(connection, self._batch_id, shard=self._shard)
            return bool(counts.get(State.PLANNED) or counts.get(State.SUBMITTING))
        token, lease_until = Claim.new_token(), now() + self._lease
        with self._catalogue.write() as connection:
            claimed = conversions.claim(
                connection, Verb.RECLAIM, [one.id for one in half], token=token, lease_until=lease_until
            )
        if not claimed:
            log.info("%d conversions are being submitted elsewhere; waiting for them", len(half))
            time.sleep(CHECK_EVERY)
            return True
        for bucket in sorted({one.bucket for one in claimed}):
            check_imm(self._settings, bucket, pauses=posting.PAUSES)
        self._decide([Claim(one, token, lease_until, time.monotonic()) for one in claimed])
        return True

    def _decide(self, claims: Sequence[Claim]) -> None:
        """Search for all of them. Conversions without a trace are planned again, or given up after some submits."""
        unanswered: NoAnswer | None = None
        given_up: list[Claim] = []
        by_id = {claim.conversion.id: claim for claim in claims}
        renew = self._renewing(claims)
        finder = LostSubmitFinder(self._catalogue, self._settings, self._tasks, self._lease, renew)
        for attempt, found in finder.find([claim.conversion for claim in claims]):
            claim = by_id[attempt.id]
            if isinstance(found, NoAnswer):
                # The conversion keeps its claim; the search for the others goes on.
                if found is not unanswered:
                    log.warning("%s", found)
                unanswered = found
                continue
            with self._catalogue.write() as connection:
                if found.task_id is not None:
                    accepted = SubmitOutcome(OutcomeKind.ACCEPTED, task_id=found.task_id)
                    self._recorder.record(connection, claim, accepted)
                elif found.output:
                    self._recorder.record_found(connection, claim)
                elif self._lost[attempt.id] + 1 >= MAX_LOST_SUBMITS:
                    given_up.append(claim)
                else:
                    self._lost[attempt.id] += move(connection, Verb.RELEASE, attempt.id, held=claim.token)
        for claim in given_up:
            unanswered = self._give_up(claim) or unanswered
        if unanswered is not None:
            raise unanswered

    def _renewing(self, claims: Sequence[Claim]) -> Callable[[], None]:
        """A function that renews the claims when a third of the lease is over: a search may outlast them."""
        ids, renewed = [claim.conversion.id for claim in claims], time.monotonic()

        def renew() -> None:
            nonlocal renewed
            if time.monotonic() - renewed > self._lease.total_seconds() / 3:
                with self._catalogue.write() as connection:
                    conversions.renew(connection, ids, token=claims[0].token, lease=self._lease)
                renewed = time.monotonic()

        return renew

    def _give_up(self, claim: Claim) -> NoAnswer | None:
        """Fail a conversion that alone gets no answer; when no conversion gets one, the service is unavailable."""
        one = claim.conversion
        with self._catalogue.write() as connection:
            if self._recorder.answered:
                message = f"OSS gave no usable answer to {MAX_LOST_SUBMITS} submits, and none left a task or an output"
                self._recorder.reject(connection, claim, "NoAnswer", message)
                return None
            move(connection, Verb.RELEASE, one.id, held=claim.token)
        return NoAnswer(
            f"OSS gave no usable answer to {MAX_LOST_SUBMITS} submits of oss://{one.bucket}/{one.key}, and none left "
            "a task or an output; the log above has what it answered"
        )
