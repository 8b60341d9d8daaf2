"""Submitting one shard of a batch: bounded concurrency, a claim before every POST, every TaskId recorded at once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta

from sqlalchemy.engine import Connection

from oss_audio_core.catalogue import batches
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.identity import catalogue_uid
from oss_audio_core.catalogue.row_isolation import RowRefused, one_row
from oss_audio_core.catalogue.staging_keys import shard_folder
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.submitting.claims import Claim, ShardClaimer
from oss_audio_core.pipeline.submitting.lost_submit_handler import LostSubmitHandler
from oss_audio_core.pipeline.submitting.options import SubmitOptions
from oss_audio_core.pipeline.submitting.outcome_recorder import OutcomeRecorder
from oss_audio_core.pipeline.submitting.outcomes import OutcomeKind, SubmitOutcome
from oss_audio_core.pipeline.submitting.posting import SubmitPoster, longest_post
from oss_audio_core.pipeline.submitting.throttle import Throttle

GATHER = 0.02
"""Seconds after an answer in which further answers join its transaction, which costs as much as a POST."""

LEASE_MARGIN = 10.0
"""Seconds by which a claim outlasts the longest POST."""

SLOTS_EVERY = 2.0
"""Seconds between two claims while the endpoint has no free slot."""


def submit_shard(
    catalogue: Catalogue,
    settings: OssSettings,
    batch_id: int,
    shard: int,
    options: SubmitOptions,
    reclaim_slots: Callable[[], None] = lambda: None,
    *,
    uid: str | None = None,
) -> Counter[str]:
    """Submit whatever a shard still has to submit.

    On return, the last look at the shard found nothing planned and nothing half submitted. It is safe to run twice, at
    once or one after the other: only the holder of a conversion's claim posts it, and an expired claim is investigated
    before the conversion is posted again.

    Args:
        catalogue: the catalogue.
        settings: of the service that converts.
        batch_id: the batch.
        shard: its shard.
        options: how the shard is submitted.
        reclaim_slots: called while no slot is free; finds conversions that have ended.
        uid: the batch's uid, where it is known: ids may be assigned again.

    Returns:
        How many conversions had which outcome (`accepted`, `rejected`, `found` …).

    Raises:
        OssConfigurationError: no request can succeed until a setting changes.
        OssUnavailable: there is no answer, or the STS token has expired.
        NoAnswer: the service answers nothing usable, has throttled everything for GIVE_UP_AFTER, or doesn't say what
            became of a submit. In all cases conversions that were not submitted stay planned, and those that may have
            been accepted stay claimed, for the next run to search for.
    """
    with catalogue.write() as connection:
        batch_uid = batches.get_batch(connection, batch_id, uid).uid
        folder = shard_folder(options.staging, catalogue_uid(connection), batch_uid, shard)
        batches.reopen(connection, batch_id)
    lease = timedelta(seconds=longest_post(settings) + LEASE_MARGIN)
    throttle = Throttle(options.per_second)
    recorder = OutcomeRecorder(options.deadline, throttle)
    claimer = ShardClaimer(settings.endpoint, batch_id, shard, folder, lease, options, throttle)
    poster = SubmitPoster(catalogue, settings, options.topic)
    submitter = ShardSubmitter(catalogue, claimer, poster, recorder, throttle, reclaim_slots)
    lost_submits = LostSubmitHandler(catalogue, settings, batch_id, shard, lease, recorder)
    with ThreadPoolExecutor(options.concurrency, thread_name_prefix="submit") as pool:
        while True:
            submitter.submit_planned(pool)
            if recorder.fatal is not None:
                raise recorder.fatal_error(recorder.fatal, settings)
            if not lost_submits.handle():
                return recorder.counts


class ShardSubmitter:
    """Keeps a pool of threads busy with the POSTs of one shard."""

    def __init__(
        self,
        catalogue: Catalogue,
        claimer: ShardClaimer,
        poster: SubmitPoster,
        recorder: OutcomeRecorder,
        throttle: Throttle,
        reclaim_slots: Callable[[], None],
    ) -> None:
        """Join the parts; nothing is submitted yet."""
        self._catalogue = catalogue
        self._claimer = claimer
        self._poster = poster
        self._recorder = recorder
        self._throttle = throttle
        self._reclaim_slots = reclaim_slots

    def submit_planned(self, pool: ThreadPoolExecutor) -> None:
        """Submit until nothing is left to send, until an outcome is fatal, or until no slot is free.

        A pause of the throttle holds back new requests; the answers that arrive meanwhile are recorded at once.
        """
        pending: dict[Future[SubmitOutcome], Claim] = {}
        done: set[Future[SubmitOutcome]] = set()
        while True:
            if done:
                self._record(done, pending)
            with self._catalogue.write() as connection:
                claims = [] if self._recorder.fatal is not None else self._claimer.claim(connection, len(pending))
                paused = self._throttle.wait()
            for claim in claims:
                pending[pool.submit(self._poster.post, claim)] = claim
            if not pending and (self._recorder.fatal is not None or (paused <= 0 and not self._claimer.has_backlog)):
                return
            if pending:
                done, _ = wait(pending, timeout=paused if paused > 0 else None, return_when=FIRST_COMPLETED)
                if done:
                    done, _ = wait(pending, timeout=GATHER)
            else:
                done = set()
                if self._claimer.slots_full:
                    self._reclaim_slots()
                    time.sleep(max(paused, SLOTS_EVERY))
                    # Half submitted conversions may hold the slots: they are decided next.
                    return
                time.sleep(max(0.0, paused))

    def _record(self, done: set[Future[SubmitOutcome]], pending: dict[Future[SubmitOutcome], Claim]) -> None:
        """Record answers in a transaction of their own: they are paid for, whatever becomes of the next claim."""
        with self._catalogue.write() as connection:
            # In the order of ids, as all writers of many rows lock them: see `conversions`.
            for future in sorted(done, key=lambda one: pending[one].conversion.id):
                self._record_alone(connection, pending.pop(future), future.result())

    def _record_alone(self, connection: Connection, claim: Claim, outcome: SubmitOutcome) -> None:
        """Record one answer. What the catalogue can't store of it leaves its row claimed: its task is looked for."""
        try:
            with one_row(connection):
                self._recorder.record(connection, claim, outcome)
        except RowRefused as refusal:
            self._recorder.record(connection, claim, SubmitOutcome(OutcomeKind.UNKNOWN, message=str(refusal)))
