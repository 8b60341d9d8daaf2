"""Submitting one shard of a batch: bounded concurrency, a claim before every POST, the TaskId written at once."""

from __future__ import annotations

import logging
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from include.audio_convert import FORMATS, AudioConvert
from include.catalogue import batches, conversions
from include.catalogue.conversions import Conversion, move, rest
from include.catalogue.database import Catalogue, now
from include.catalogue.schema import conversion
from include.catalogue.states import State, Verb
from include.oss import OssConfigurationError, OssSettings, check_imm

from .reconciling import NoAnswer, look_for
from .submit_outcomes import Kind, Outcome, post

log = logging.getLogger(__name__)

#: Tries of a POST that surely never reached the service, and the pauses between them in seconds.
PAUSES = (2.0, 8.0)
#: Planned conversions read at once; they are claimed in turns of the pool's size.
BACKLOG = 1000
#: How long a claim outlasts the longest POST, in seconds.
LEASE_MARGIN = 10.0
#: Longest pause while the service throttles, in seconds.
LONGEST_PAUSE = 30.0
#: So often a conversion is posted anew after a submit that left no trace, then the service is given up for now.
TRACELESS = 3
#: How often conversions that another process is submitting are looked at, in seconds.
LOOK_EVERY = 2.0


@dataclass(frozen=True)
class SubmitOptions:
    """How a shard is submitted.

    Attributes:
        staging: prefix of the keys that attempts write to, in the target's bucket; ends with "/".
        topic: SMQ topic that gets the completion message; None: no message is asked for.
        concurrency: POSTs at once.
        deadline: a conversion that is not done this long after its submit has failed.
    """

    staging: str = ".staging/"
    topic: str | None = None
    concurrency: int = 16
    deadline: timedelta = timedelta(hours=6)


def submit_shard(
    catalogue: Catalogue, settings: OssSettings, batch_id: int, shard: int, options: SubmitOptions
) -> Counter[str]:
    """Submit whatever a shard still has to submit. When this returns, nothing in it is planned or half submitted.

    Safe to run twice, at once or one after the other: a conversion is posted only by the one whose claim it carries,
    and a claim whose owner died is looked into, never just repeated.

    Returns:
        How many conversions had which outcome (`accepted`, `rejected`, `found`).

    Raises:
        OssConfigurationError: no request can succeed; conversions not yet submitted are planned still.
        NoAnswer: the service doesn't say what became of a submit; its conversion is planned, or looked for again later.
    """
    return _Submitter(catalogue, settings, batch_id, shard, options).run()


class _Submitter:
    def __init__(
        self, catalogue: Catalogue, settings: OssSettings, batch_id: int, shard: int, options: SubmitOptions
    ) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._batch_id = batch_id
        self._shard = shard
        self._options = options
        with catalogue.read() as connection:
            self._uid = batches.get_batch(connection, batch_id).uid
        self._session = settings.session()
        self._lease = timedelta(
            seconds=(len(PAUSES) + 1) * settings.connect_timeout + sum(PAUSES) + settings.read_timeout + LEASE_MARGIN
        )
        self._outcomes: Counter[str] = Counter()
        self._traceless: Counter[int] = Counter()
        self._backlog: list[Conversion] = []
        self._pause = 0.0
        self._fatal: Outcome | None = None

    def run(self) -> Counter[str]:
        """Submit until nothing is left, then wait for what others hold."""
        with ThreadPoolExecutor(self._options.concurrency, thread_name_prefix="submit") as pool:
            while True:
                self._submit_planned(pool)
                if self._fatal is not None:
                    raise self._configuration_error(self._fatal)
                if not self._look_into_abandoned():
                    return self._outcomes

    def _submit_planned(self, pool: ThreadPoolExecutor) -> None:
        """Keep the pool full; one transaction writes down what came back and claims what goes out next."""
        pending: dict[Future[Outcome], tuple[Conversion, str]] = {}
        done: set[Future[Outcome]] = set()
        while True:
            with self._catalogue.write() as connection:
                for future in done:
                    claimed, token = pending.pop(future)
                    self._record(connection, claimed, token, future.result())
                taken = [] if self._pause else self._claim(connection, len(pending))
            if self._pause and self._fatal is None:
                time.sleep(self._pause)
                with self._catalogue.write() as connection:
                    taken = self._claim(connection, len(pending))
            for claimed, token in taken:
                pending[pool.submit(self._post, claimed)] = (claimed, token)
            if not pending and (self._fatal is not None or not self._backlog):
                return
            done, _ = wait(pending, return_when=FIRST_COMPLETED)

    def _claim(self, connection: Connection, busy: int) -> list[tuple[Conversion, str]]:
        """Claim as many as the pool has room for. Others may take from the same backlog: a claim tells."""
        if self._fatal is not None:
            return []
        if not self._backlog:
            self._backlog = conversions.of_batch(
                connection, self._batch_id, [State.PLANNED], shard=self._shard, limit=BACKLOG
            )
        room = self._options.concurrency - busy
        turn, self._backlog = self._backlog[:room], self._backlog[room:]
        if not turn:
            return []
        token = secrets.token_hex(8)
        claimed = conversions.claim(
            connection, Verb.CLAIM, [one.id for one in turn], token=token, lease_until=now() + self._lease
        )
        return [(one, token) for one in self._place(connection, claimed)]

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

    def _post(self, claimed: Conversion) -> Outcome:
        """In a pool thread: post, and post again only where the first POST surely reached nobody."""
        bucket = self._settings.bucket(claimed.bucket, session=self._session)
        for pause in (*PAUSES, None):
            outcome = post(bucket, claimed, self._options.topic)
            if outcome.kind is not Kind.NOT_TAKEN or outcome.code != "Unreachable":
                return outcome
            if pause is None:
                return Outcome(Kind.MISCONFIGURED, code=outcome.code, error=outcome.error)
            time.sleep(pause)
        raise AssertionError("the last try returned")

    def _record(self, connection: Connection, claimed: Conversion, token: str, outcome: Outcome) -> None:
        """Write one outcome down, if the claim is still ours."""
        if outcome.kind is Kind.ACCEPTED:
            submitted_at = outcome.submitted_at or now()
            moved = move(
                connection,
                Verb.ACCEPT,
                claimed.id,
                held=token,
                task_id=outcome.task_id,
                submitted_at=submitted_at,
                deadline_at=submitted_at + self._options.deadline,
            )
            self._pause = 0.0
        elif outcome.kind is Kind.REJECTED:
            moved = move(
                connection,
                Verb.REJECT,
                claimed.id,
                held=token,
                code=outcome.code,
                message=outcome.message,
                retry_at=rest(claimed.attempt),
            )
            log.warning("oss://%s/%s: %s %s", claimed.bucket, claimed.key, outcome.code, outcome.message)
        elif outcome.kind is Kind.UNKNOWN:
            # The row keeps its claim: when the lease is over, `_look_into_abandoned` asks what became of it.
            moved = 1
            log.warning("oss://%s/%s: %s; will look for its task", claimed.bucket, claimed.key, outcome.message)
        else:
            moved = move(connection, Verb.RELEASE, claimed.id, held=token, output_bucket=None, output_key=None)
            if outcome.kind is Kind.MISCONFIGURED:
                self._fatal = outcome
            else:
                self._pause = min(LONGEST_PAUSE, self._pause * 2 or 1.0)
                log.warning("OSS asks for patience (%s): pausing %.0f s", outcome.code, self._pause)
        self._outcomes[outcome.kind.value] += moved

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
        token = secrets.token_hex(8)
        with self._catalogue.write() as connection:
            mine = conversions.claim(
                connection,
                Verb.RECLAIM,
                [one.id for one in half],
                token=token,
                lease_until=now() + self._lease,
            )
        if not mine:
            log.info("%d conversions are being submitted elsewhere; waiting for them", len(half))
            time.sleep(LOOK_EVERY)
            return True
        for bucket in sorted({one.bucket for one in mine}):
            check_imm(self._settings, bucket, pauses=PAUSES)
        for one in mine:
            found = look_for(self._catalogue, self._settings, one, self._lease)
            with self._catalogue.write() as connection:
                if found.task_id is not None:
                    self._record(connection, one, token, Outcome(Kind.ACCEPTED, task_id=found.task_id))
                elif found.output:
                    self._outcomes["found"] += move(connection, Verb.ADOPT, one.id, held=token, task_id=None)
                else:
                    self._traceless[one.id] += move(connection, Verb.RELEASE, one.id, held=token)
            if self._traceless[one.id] >= TRACELESS:
                raise NoAnswer(
                    f"OSS gave no usable answer to {TRACELESS} submits of oss://{one.bucket}/{one.key}, and none left "
                    "a task or an output; the log above has what it answered"
                )
        return True

    def _configuration_error(self, outcome: Outcome) -> OssConfigurationError:
        error = outcome.error or RuntimeError(outcome.message)
        return OssConfigurationError(self._settings.explain(error, "Submitting a conversion"))
