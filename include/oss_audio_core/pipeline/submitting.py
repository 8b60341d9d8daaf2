"""Submitting one shard of a batch: bounded concurrency, a claim before every POST, the TaskId written at once."""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.audio_convert import FORMATS, AudioConvert
from oss_audio_core.catalogue import batches, conversions, slots
from oss_audio_core.catalogue.conversions import Conversion, move, next_retry
from oss_audio_core.catalogue.database import Catalogue, now
from oss_audio_core.catalogue.schema import conversion
from oss_audio_core.catalogue.states import State, Verb
from oss_audio_core.oss import OssConfigurationError, OssSettings, OssUnavailable, check_imm
from oss_audio_core.pipeline.lost_submit_finder import LostSubmitFinder, NoAnswer
from oss_audio_core.pipeline.rate_limiter import AdaptiveRateLimiter
from oss_audio_core.pipeline.submit_outcomes import Kind, Outcome, post

log = logging.getLogger(__name__)

PAUSES = (2.0, 8.0)
"""Tries of a POST that surely never reached the service, and the pauses between them in seconds."""

BACKLOG = 1000
"""Planned conversions read at once; they are claimed in turns of the pool's size."""

GATHER = 0.02
"""Answers that come within this many seconds after one are written down with it: a transaction costs as much as a POST.
"""

LEASE_MARGIN = 10.0
"""How long a claim outlasts the longest POST, in seconds."""

PATIENCE = 600.0
"""How long a shard that OSS puts off is tried without anything being accepted, in seconds; then it is given up for now.
"""

MAX_LOST_SUBMITS = 3
"""So many submits of a conversion may leave no trace; then it has failed or, if no other got an answer, OSS has."""

LOOK_EVERY = 2.0
"""How often conversions that another process is submitting are looked at, in seconds."""


@dataclass(frozen=True)
class SubmitOptions:
    """How a shard is submitted.

    Attributes:
        staging: prefix of the keys that attempts write to, in the target's bucket; ends with "/".
        topic: SMQ topic that gets the completion message; None: no message is asked for.
        concurrency: POSTs at once.
        per_second: POSTs a second at most; None: as fast as OSS takes them.
        in_flight: conversions that the endpoint may have at once, over all runs; None: no limit.
        deadline: a conversion that is not done this long after its submit has failed.
    """

    staging: str = ".staging/"
    topic: str | None = None
    concurrency: int = 16
    per_second: float | None = None
    in_flight: int | None = None
    deadline: timedelta = timedelta(hours=6)


def submit_shard(
    catalogue: Catalogue,
    settings: OssSettings,
    batch_id: int,
    shard: int,
    options: SubmitOptions,
    make_room: Callable[[], None] = lambda: None,
    *,
    uid: str | None = None,
) -> Counter[str]:
    """Submit whatever a shard still has to submit.

    When this returns, it found nothing planned and nothing half submitted in the shard at its last look. Safe to run
    twice, at once or one after the other: a conversion is posted only by the one whose claim it carries, and a claim
    whose owner died is looked into, never just repeated.

    Args:
        make_room: called now and then while no slot is free, to find out what has ended.
        uid: the batch's own, where it is known: an id may be given again.

    Returns:
        How many conversions had which outcome (`accepted`, `rejected`, `found`).

    Raises:
        OssConfigurationError: no request can succeed until a setting changes.
        OssUnavailable: nobody answers, or the STS token has expired.
        NoAnswer: the service answers nothing usable, has put off everything for PATIENCE, or doesn't say what became
            of a submit. In all cases what is not yet submitted is planned still, and what may have been accepted
            stays claimed, to be looked for by whoever runs this next.
    """
    return _Submitter(catalogue, settings, batch_id, uid, shard, options, make_room).run()


@dataclass(frozen=True)
class _Sent:
    """A claimed conversion on its way: the claim's token and end, and when it went out (monotonic)."""

    claimed: Conversion
    token: str
    lease_until: datetime
    at: float


class _Submitter:
    def __init__(
        self,
        catalogue: Catalogue,
        settings: OssSettings,
        batch_id: int,
        uid: str | None,
        shard: int,
        options: SubmitOptions,
        make_room: Callable[[], None],
    ) -> None:
        self._make_room = make_room
        self._full = False
        self._catalogue = catalogue
        self._settings = settings
        self._batch_id = batch_id
        self._shard = shard
        self._options = options
        with catalogue.write() as connection:
            self._uid = batches.get_batch(connection, batch_id, uid).uid
            batches.reopen(connection, batch_id)
        # A submit is paid for: only this class may post it again.
        self._session = settings.session(patient=False)
        self._tasks = settings.imm()
        self._lease = timedelta(
            seconds=(len(PAUSES) + 1) * settings.connect_timeout + sum(PAUSES) + settings.read_timeout + LEASE_MARGIN
        )
        self._outcomes: Counter[str] = Counter()
        self._traceless: Counter[int] = Counter()
        self._backlog: list[Conversion] = []
        self._rate = AdaptiveRateLimiter(options.per_second)
        self._throttled_since: float | None = None
        self._served = False
        self._accepted = False
        self._fatal: Outcome | None = None

    def run(self) -> Counter[str]:
        """Submit until nothing is left, then wait for what others hold."""
        with ThreadPoolExecutor(self._options.concurrency, thread_name_prefix="submit") as pool:
            while True:
                self._submit_planned(pool)
                if self._fatal is not None:
                    raise self._error(self._fatal)
                if not self._look_into_abandoned():
                    return self._outcomes

    def _submit_planned(self, pool: ThreadPoolExecutor) -> None:
        """Keep the pool full: write down what came back, claim what goes out next.

        A pause keeps new requests from going out; what comes back meanwhile is written down at once. Returns when
        nothing is left to send or, after a pause, while no slot is free.
        """
        pending: dict[Future[Outcome], _Sent] = {}
        done: set[Future[Outcome]] = set()
        while True:
            if done:
                # By itself: what was paid for is written down whatever becomes of the next claim.
                with self._catalogue.write() as connection:
                    # In the order of everybody who writes many rows: see `conversions`.
                    for future in sorted(done, key=lambda one: pending[one].claimed.id):
                        self._record(connection, pending.pop(future), future.result())
            with self._catalogue.write() as connection:
                taken = self._claim(connection, len(pending))
                paused = self._rate.wait()
            for sent in taken:
                pending[pool.submit(self._post, sent)] = sent
            if not pending and (self._fatal is not None or (paused <= 0 and not self._backlog)):
                return
            if pending:
                done, _ = wait(pending, timeout=paused if paused > 0 else None, return_when=FIRST_COMPLETED)
                if done:
                    done, _ = wait(pending, timeout=GATHER)
            else:
                done = set()
                if self._full:
                    self._make_room()
                    time.sleep(max(paused, LOOK_EVERY))
                    # Half submitted ones may be what holds the slots: it's time to look into them.
                    return
                time.sleep(max(0.0, paused))

    def _claim(self, connection: Connection, busy: int) -> list[_Sent]:
        """Claim as many as the pool has room for. Others may take from the same backlog: a claim tells."""
        if self._fatal is not None:
            return []
        if not self._backlog:
            self._backlog = conversions.of_batch(
                connection, self._batch_id, [State.PLANNED], shard=self._shard, limit=BACKLOG
            )
        room = self._rate.allowed(self._room(connection, min(len(self._backlog), self._options.concurrency - busy)))
        turn, self._backlog = self._backlog[:room], self._backlog[room:]
        if not turn:
            return []
        token, lease_until = secrets.token_hex(8), now() + self._lease
        claimed = conversions.claim(
            connection,
            Verb.CLAIM,
            [one.id for one in turn],
            token=token,
            lease_until=lease_until,
            endpoint=self._settings.endpoint,
        )
        at = time.monotonic()
        return [_Sent(one, token, lease_until, at) for one in self._place(connection, claimed)]

    def _room(self, connection: Connection, wanted: int) -> int:
        """How many of the wanted the endpoint has slots for."""
        if self._options.in_flight is None or not wanted:
            self._full = False
            return wanted
        limit, endpoint = self._options.in_flight, self._settings.endpoint
        room = min(wanted, slots.free(connection, endpoint, limit, deadline=self._options.deadline))
        if not room and not self._full:
            log.info("all %d slots of %s are taken: waiting", limit, endpoint)
        self._full = not room
        return room

    def _place(self, connection: Connection, claimed: Sequence[Conversion]) -> list[Conversion]:
        """Give each attempt the key it writes to, before anybody is asked to write."""
        placed = [replace(one, output_bucket=one.target_bucket, output_key=self._output_key(one)) for one in claimed]
        if placed:
            connection.execute(
                sa.update(conversion).where(conversion.c.id == sa.bindparam("claimed")),
                [
                    {"claimed": one.id, "output_bucket": one.output_bucket, "output_key": one.output_key}
                    for one in placed
                ],
            )
        return placed

    def _output_key(self, claimed: Conversion) -> str:
        if claimed.publish != "staged":
            return claimed.target_key
        extension = FORMATS[AudioConvert.parse(claimed.process).f].extension
        return f"{self._options.staging}{self._uid}/{self._shard}/{claimed.id}-{claimed.attempt}.{extension}"

    def _post(self, sent: _Sent) -> Outcome:
        """In a pool thread: an error that nobody thought of is an unknown outcome of this conversion alone."""
        try:
            return self._try_to_post(sent)
        except Exception as error:  # noqa: BLE001 - its neighbours' TaskIds must be written down all the same
            what = f"Submitting oss://{sent.claimed.bucket}/{sent.claimed.key}"
            return Outcome(Kind.UNKNOWN, code=type(error).__name__, message=self._settings.explain(error, what))

    def _try_to_post(self, sent: _Sent) -> Outcome:
        """Post, and post again only where the first POST surely reached nobody."""
        bucket = self._settings.bucket(sent.claimed.bucket, session=self._session)
        longest = timedelta(seconds=self._settings.connect_timeout + self._settings.read_timeout)
        for pause in (*PAUSES, None):
            if now() + longest > sent.lease_until:
                # This process stood still: by the time OSS answers, another one may look for what isn't there yet.
                return Outcome(Kind.NOT_SENT)
            outcome = post(bucket, sent.claimed, self._options.topic)
            if outcome.kind is not Kind.NOT_TAKEN or outcome.code != "Unreachable":
                return outcome
            if pause is None:
                return replace(outcome, kind=Kind.AWAY)
            time.sleep(pause)
        raise AssertionError("the last try returned")

    def _record(self, connection: Connection, sent: _Sent, outcome: Outcome) -> None:
        """Write one outcome down, if the claim is still ours."""
        claimed = sent.claimed
        if outcome.kind is Kind.DENIED and self._accepted:
            outcome = replace(outcome, kind=Kind.REJECTED)
        if outcome.kind is Kind.ACCEPTED:
            submitted_at = outcome.submitted_at or now()
            moved = move(
                connection,
                Verb.ACCEPT,
                claimed.id,
                held=sent.token,
                task_id=outcome.task_id,
                submitted_at=submitted_at,
                deadline_at=submitted_at + self._options.deadline,
            )
            if not moved:
                self._keep_task(connection, sent, outcome.task_id)
            self._accept()
        elif outcome.kind is Kind.REJECTED:
            moved = self._reject(connection, sent, outcome.code, outcome.message)
            self._served = self._served or outcome.error is not None
        elif outcome.kind is Kind.UNKNOWN:
            # The row keeps its claim: when the lease is over, `_look_into_abandoned` asks what became of it.
            moved = 1
            log.warning("oss://%s/%s: %s; will look for its task", claimed.bucket, claimed.key, outcome.message)
        else:
            moved = move(connection, Verb.RELEASE, claimed.id, held=sent.token, output_bucket=None, output_key=None)
            if outcome.kind is Kind.NOT_TAKEN:
                self._throttle(sent, outcome)
            elif outcome.kind is not Kind.NOT_SENT:
                self._fatal = outcome
        self._outcomes[outcome.kind.value] += moved

    def _keep_task(self, connection: Connection, sent: _Sent, task_id: str | None) -> None:
        """Nobody waits for this task any more, yet whoever looks for a lost one is to know whose it is."""
        one = sent.claimed
        conversions.record_orphan_task(connection, one.id, token=sent.token, task_id=task_id or "")
        log.warning(
            "oss://%s/%s was accepted as task %s, which is not waited for: while it was submitted, a newer generation "
            "of it was planned, or another process took its claim over",
            one.bucket,
            one.key,
            task_id,
        )

    def _reject(self, connection: Connection, sent: _Sent, code: str | None, message: str | None) -> int:
        claimed = sent.claimed
        log.warning("oss://%s/%s: %s %s", claimed.bucket, claimed.key, code, message)
        return move(
            connection,
            Verb.REJECT,
            claimed.id,
            held=sent.token,
            code=code,
            message=message,
            retry_at=next_retry(claimed.attempt),
        )

    def _accept(self) -> None:
        """The service takes something: no pause grows, and what it said to others was about those."""
        self._served = self._accepted = True
        self._rate.served()
        self._throttled_since = None
        if self._fatal is not None and self._fatal.kind is not Kind.MISCONFIGURED:
            self._fatal = None

    def _throttle(self, sent: _Sent, outcome: Outcome) -> None:
        """Go on more slowly; or not at all, when nothing was taken for too long."""
        at = time.monotonic()
        self._throttled_since = self._throttled_since or at
        if at - self._throttled_since > PATIENCE:
            self._fatal = outcome
        elif self._rate.refused(sent.at):
            log.warning("OSS asks for patience (%s): going on at %.2g a second", outcome.code, self._rate.per_second)

    def _look_into_abandoned(self) -> bool:
        """See to half submitted conversions: ours with an unknown outcome, or those of a process that died.

        Returns:
            Whether the shard still has something to submit or to look into.
        """
        with self._catalogue.read() as connection:
            half = conversions.of_batch(connection, self._batch_id, [State.SUBMITTING], shard=self._shard)
        if not half:
            with self._catalogue.read() as connection:
                counts = conversions.count_states(connection, self._batch_id, shard=self._shard)
            return bool(counts.get(State.PLANNED) or counts.get(State.SUBMITTING))
        token, lease_until = secrets.token_hex(8), now() + self._lease
        with self._catalogue.write() as connection:
            mine = conversions.claim(
                connection, Verb.RECLAIM, [one.id for one in half], token=token, lease_until=lease_until
            )
        if not mine:
            log.info("%d conversions are being submitted elsewhere; waiting for them", len(half))
            time.sleep(LOOK_EVERY)
            return True
        for bucket in sorted({one.bucket for one in mine}):
            check_imm(self._settings, bucket, pauses=PAUSES)
        self._settle([_Sent(one, token, lease_until, time.monotonic()) for one in mine])
        return True

    def _settle(self, half: Sequence[_Sent]) -> None:
        """Look for all of them; those that left no trace are planned again, or given up after some."""
        unanswered: NoAnswer | None = None
        given_up: list[_Sent] = []
        sent_by_id = {sent.claimed.id: sent for sent in half}
        search = LostSubmitFinder(self._catalogue, self._settings, self._tasks, self._lease, self._holding(half))
        for attempt, found in search.look_for([sent.claimed for sent in half]):
            sent = sent_by_id[attempt.id]
            if isinstance(found, NoAnswer):
                # It keeps its claim; the others may be found all the same.
                if found is not unanswered:
                    log.warning("%s", found)
                unanswered = found
                continue
            with self._catalogue.write() as connection:
                if found.task_id is not None:
                    self._record(connection, sent, Outcome(Kind.ACCEPTED, task_id=found.task_id))
                elif found.output:
                    adopted = move(connection, Verb.ADOPT, sent.claimed.id, held=sent.token, task_id=None)
                    self._outcomes["found"] += adopted
                    self._accept()
                elif self._traceless[sent.claimed.id] + 1 >= MAX_LOST_SUBMITS:
                    given_up.append(sent)
                else:
                    self._traceless[sent.claimed.id] += move(connection, Verb.RELEASE, sent.claimed.id, held=sent.token)
        for sent in given_up:
            unanswered = self._give_up(sent) or unanswered
        if unanswered is not None:
            raise unanswered

    def _holding(self, half: Sequence[_Sent]) -> Callable[[], None]:
        """What keeps the claims of a look that may outlast them: nobody else is to begin the same one."""
        ids, renewed = [sent.claimed.id for sent in half], time.monotonic()

        def hold() -> None:
            nonlocal renewed
            if time.monotonic() - renewed > self._lease.total_seconds() / 3:
                with self._catalogue.write() as connection:
                    conversions.renew(connection, ids, token=half[0].token, lease=self._lease)
                renewed = time.monotonic()

        return hold

    def _give_up(self, sent: _Sent) -> NoAnswer | None:
        """A conversion that alone gets no answer has failed; where nobody gets one, the service has."""
        one = sent.claimed
        with self._catalogue.write() as connection:
            if self._served:
                message = f"OSS gave no usable answer to {MAX_LOST_SUBMITS} submits, and none left a task or an output"
                self._outcomes[Kind.REJECTED.value] += self._reject(connection, sent, "NoAnswer", message)
                return None
            move(connection, Verb.RELEASE, one.id, held=sent.token)
        return NoAnswer(
            f"OSS gave no usable answer to {MAX_LOST_SUBMITS} submits of oss://{one.bucket}/{one.key}, and none left "
            "a task or an output; the log above has what it answered"
        )

    def _error(self, outcome: Outcome) -> Exception:
        error = outcome.error or RuntimeError(outcome.message)
        sentence = self._settings.explain(error, "Submitting a conversion")
        if outcome.kind is Kind.NOT_TAKEN:
            return NoAnswer(f"OSS has taken no submit for {PATIENCE / 60:.0f} minutes: {sentence}")
        return (OssUnavailable if outcome.kind is Kind.AWAY else OssConfigurationError)(sentence)
