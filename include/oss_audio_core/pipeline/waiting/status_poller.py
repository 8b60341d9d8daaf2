"""Polling OSS and IMM for conversions whose notification is late: LIST, then GetTask."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue import conversions, inbox, slots
from oss_audio_core.catalogue.conversions import Attempt, Conversion, move
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.progress import ShardKey, of_shards
from oss_audio_core.catalogue.schema import IS_IN_FLIGHT, batch_conversion, conversion
from oss_audio_core.catalogue.states import State, Verb
from oss_audio_core.oss import OssUnavailable, TaskNotFound, TaskStatus
from oss_audio_core.oss.error_classification import is_credential_error
from oss_audio_core.pipeline.waiting.shared_poller import SharedPoller
from oss_audio_core.text.escaping import for_log
from oss_audio_core.text.logs import get_logger

log = get_logger(__name__)

TASKS_PER_ROUND = 200
"""GetTask requests of one round, the overdue first: bounds the requests however large the shard is."""

MIN_SHARE = 20
"""However many rounds wait for their turn, a round makes at least this part of TASKS_PER_ROUND's requests."""

ENDED = frozenset({"Succeeded", "Failed"})
"""Statuses of GetTask for a task that has ended."""


@dataclass(frozen=True)
class Submitted:
    """Reads the submitted conversions to poll for: all of them, or those that a message calls failed."""

    all: Callable[[Connection], list[Conversion]]
    said_failed: Callable[[Connection], list[Conversion]]


def submitted_of(shard: ShardKey) -> Submitted:
    """Those of a shard."""
    batch, number = shard
    mine = sa.select(batch_conversion.c.conversion_id).where(of_shards([shard]))
    return Submitted(
        lambda connection: conversions.of_batch(connection, batch, [State.SUBMITTED], shard=number),
        lambda connection: inbox.said_failed(connection, conversion.c.id.in_(mine)),
    )


def submitted_to(endpoint: str) -> Submitted:
    """Those that hold an endpoint's slots, of any batch."""
    return Submitted(
        lambda connection: slots.submitted(connection, endpoint),
        lambda connection: inbox.said_failed(connection, conversion.c.endpoint == endpoint, IS_IN_FLIGHT),
    )


class StatusPoller:
    """Polls for submitted conversions, in rounds that the shared poller's limiter lets through.

    A round costs a LIST page a thousand outputs and at most 200 GetTask, fewer when other rounds wait for their turn.
    """

    def __init__(self, poller: SharedPoller, submitted: Submitted, polled: Counter[int] | None = None) -> None:
        """Prepare; no request is made yet.

        Args:
            poller: shared with the other pollers of the event loop.
            submitted: reads the conversions to poll for.
            polled: counts the requests for each conversion; given where the counts outlast this object.
        """
        self._poller = poller
        self._catalogue = poller.catalogue
        self._submitted = submitted
        self._polled: Counter[int] = Counter() if polled is None else polled
        self._refusal = ""

    async def poll(self) -> None:
        """Make one round: look for finished outputs, then ask for tasks.

        A conversion past its deadline fails only if the service answered in this round that it isn't done. When the
        credentials are refused the connections are read again, for an STS token expires sooner than a long wait ends.

        Raises:
            OssUnavailable: the credentials are refused, and have been for long.
        """
        async with self._poller.limiter.acquire():
            self._refusal = ""
            listed = await self._find_outputs(await self._poller.run(self._read, self._submitted.all))
            if self._refusal:
                await self._poller.reconnect()
                self._refusal = ""
            unfinished = await self._ask(self._submitted.all, listed)
            await self._poller.run(self._expire, unfinished)
        await self._judge_credentials()

    async def confirm_failures(self) -> None:
        """Ask for the tasks that a message calls failed, and for no others: only the answer spends an attempt.

        A message that the answer contradicts is removed. Without an answer nothing changes.

        Raises:
            OssUnavailable: as `poll`.
        """
        async with self._poller.limiter.acquire():
            self._refusal = ""
            # Of a task that IMM doesn't know, later rounds and the deadline decide: as if the message had not come.
            every = {one.id for one in await self._poller.run(self._read, self._submitted.said_failed)}
            contradicted = await self._ask(self._submitted.said_failed, every)
            if contradicted:
                await self._poller.run(self._refute, contradicted)
        await self._judge_credentials()

    async def _ask(self, submitted: Callable[[Connection], list[Conversion]], listed: set[int]) -> list[Conversion]:
        """Ask IMM for this round's share of the tasks. Returns the conversions that aren't done, by its answer."""
        limiter = self._poller.limiter
        share = max(TASKS_PER_ROUND // MIN_SHARE, TASKS_PER_ROUND // (1 + limiter.waiting))
        polled = (await self._poller.run(self._read, submitted))[:share]
        limiter.charge(len(polled))
        return await self._get_tasks(polled, listed)

    async def _judge_credentials(self) -> None:
        if not self._refusal:
            self._poller.on_accepted()
        elif not await self._poller.on_refused(self._refusal):
            raise OssUnavailable(self._refusal)

    def _read(self, submitted: Callable[[Connection], list[Conversion]]) -> list[Conversion]:
        with self._catalogue.read() as connection:
            found = submitted(connection)
        at = now()
        # The overdue first, for they end with this answer; then those that were polled least often.
        return sorted(found, key=lambda one: (not _overdue(one, at), self._polled[one.id], one.submitted_at or at))

    async def _find_outputs(self, submitted: Sequence[Conversion]) -> set[int]:
        """Complete conversions whose staged output exists: it appears whole, at its attempt's own key.

        Returns:
            Ids of the conversions whose folder was listed completely.
        """
        folders: defaultdict[tuple[str, str], dict[str, Attempt]] = defaultdict(dict)
        for one in submitted:
            if one.publish == "staged" and one.output_bucket and one.output_key:
                folder = one.output_key.rpartition("/")[0] + "/"
                folders[one.output_bucket, folder][one.output_key] = one.this_attempt
        listed: set[int] = set()
        for (bucket, folder), wanted in folders.items():
            found: list[Attempt] = []
            try:
                async for key in self._keys(bucket, folder):
                    if key in wanted:
                        found.append(wanted[key])
                listed |= {attempt.id for attempt in wanted.values()}
            except Exception as error:  # noqa: BLE001 - the SDK's errors share no base; the next round polls again
                self._log_failure(error, f"Listing oss://{bucket}/{folder}")
            await self._poller.run(self._complete, found)
        return listed

    async def _keys(self, bucket: str, prefix: str) -> AsyncIterator[str]:
        client = await self._poller.client()
        from alibabacloud_oss_v2.models import ListObjectsV2Request

        token: str | None = None
        while True:
            self._poller.limiter.charge(1)
            page = await client.list_objects_v2(
                ListObjectsV2Request(bucket=bucket, prefix=prefix, max_keys=1000, continuation_token=token)
            )
            for found in page.contents or []:
                yield found.key
            if not page.is_truncated:
                return
            token = page.next_continuation_token

    async def _get_tasks(self, submitted: Sequence[Conversion], listed: set[int]) -> list[Conversion]:
        """Ask for each conversion's task: only GetTask knows of a failure.

        Returns:
            The conversions that aren't done, by the service's answer.
        """

        async def is_unfinished(one: Conversion) -> bool:
            self._polled[one.id] += 1
            try:
                status = await self._poller.call(self._get_task, one)
            except TaskNotFound:
                # Of a task that IMM has forgotten, the output may be all that is left.
                return one.publish != "staged" or one.id in listed
            except Exception as error:  # noqa: BLE001 - the SDK's errors share no base; the next round polls again
                self._log_failure(error, f"Asking IMM for task {one.task_id}")
                return False
            if status is None:
                return False
            if status.status == "Succeeded":
                await self._poller.run(self._complete, [one.this_attempt])
            elif status.status == "Failed":
                await self._poller.run(self._fail, one, status.code, status.message)
            return status.status not in ENDED

        polled = [one for one in submitted if one.task_id]
        answers = await asyncio.gather(*(is_unfinished(one) for one in polled))
        return [one for one, unfinished in zip(polled, answers, strict=True) if unfinished]

    def _get_task(self, one: Conversion) -> TaskStatus | None:
        """In a thread; None: the credentials were refused for an earlier task of this round."""
        return None if self._refusal else self._poller.tasks.get_task(one.bucket, one.task_id or "")

    def _log_failure(self, error: Exception, what: str) -> None:
        sentence = self._poller.oss.explain(error, what)
        log.warning("%s", sentence)
        if is_credential_error(error):
            self._refusal = sentence

    def _complete(self, done: Sequence[Attempt]) -> None:
        with self._catalogue.write() as connection:
            move(connection, Verb.COMPLETE, done)

    def _fail(self, one: Conversion, code: str, message: str) -> None:
        with self._catalogue.write() as connection:
            inbox.fail(connection, one.this_attempt, code, message)

    def _refute(self, contradicted: Sequence[Conversion]) -> None:
        with self._catalogue.write() as connection:
            inbox.refute(connection, [one.task_id for one in contradicted if one.task_id])
        log.warning(
            "%d messages call tasks failed, among them %s, and IMM doesn't: nothing is spent on their word. Check "
            "who may publish to the topic",
            len(contradicted),
            for_log(contradicted[0].task_id or ""),
        )

    def _expire(self, unfinished: Sequence[Conversion]) -> None:
        at = now()
        for one in unfinished:
            if _overdue(one, at):
                waited = (at - (one.submitted_at or at)) // timedelta(minutes=1)
                self._fail(one, "DeadlineExceeded", f"no result {waited} minutes after the submit (task {one.task_id})")


def _overdue(one: Conversion, at: datetime) -> bool:
    return one.deadline_at is not None and one.deadline_at < at
