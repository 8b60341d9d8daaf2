"""Asking the service itself what became of conversions whose notification is late: LIST, then GetTask."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from oss_audio_core.catalogue import conversions, inbox
from oss_audio_core.catalogue.conversions import Attempt, Conversion, move
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.progress import ShardKey
from oss_audio_core.catalogue.states import State, Verb
from oss_audio_core.oss import OssUnavailable, TaskNotFound, TaskStatus
from oss_audio_core.oss.error_classification import is_credential_error
from oss_audio_core.pipeline.shared_poller import SharedPoller

log = logging.getLogger(__name__)

TASKS_A_ROUND = 200
"""Tasks asked for in one round, the overdue first: bounds the requests however large the shard is."""

LEAST_SHARE = 20
"""However many others wait for their turn, a round asks for this part of it at least."""

ENDS = frozenset({"Succeeded", "Failed"})
"""What GetTask calls a task that has ended."""


Submitted = Callable[[Connection], list[Conversion]]
"""Reads the submitted conversions that somebody waits for."""


def submitted_of(shard: ShardKey) -> Submitted:
    """Those of a shard."""
    batch, number = shard
    return lambda connection: conversions.of_batch(connection, batch, [State.SUBMITTED], shard=number)


class StatusPoller:
    """Asks about conversions that somebody waits for, when it is its turn.

    A round costs a LIST page a thousand outputs and at most 200 GetTask, fewer when others wait for their turn.
    """

    def __init__(self, lookout: SharedPoller, wanted: Submitted, asked: Counter[int] | None = None) -> None:
        """Prepare; nothing is asked yet.

        Args:
            asked: counts how often was asked about which conversion, where that is to outlast this one.
        """
        self._lookout = lookout
        self._catalogue = lookout.catalogue
        self._wanted = wanted
        self._asked: Counter[int] = Counter() if asked is None else asked
        self._refusal = ""

    async def ask(self) -> None:
        """One round: outputs that are there, then tasks.

        Who is past its deadline has failed only if the service said in this round that it isn't done: no answer is
        no failure. When the credentials are refused, the connections are read anew, for an STS token ends sooner than a
        long wait does.

        Raises OssUnavailable when they are refused, and have been for long.
        """
        turn = self._lookout.turn
        async with turn.taken():
            self._refusal = ""
            listed = await self._find_outputs(await self._lookout.run(self._submitted))
            if self._refusal:
                await self._lookout.renew()
                self._refusal = ""
            share = max(TASKS_A_ROUND // LEAST_SHARE, TASKS_A_ROUND // (1 + turn.waiting))
            asked = (await self._lookout.run(self._submitted))[:share]
            turn.spend(len(asked))
            unfinished = await self._ask_tasks(asked, listed)
            await self._lookout.run(self._expire, unfinished)
        if not self._refusal:
            self._lookout.accepted()
        elif not await self._lookout.refused(self._refusal):
            raise OssUnavailable(self._refusal)

    def _submitted(self) -> list[Conversion]:
        with self._catalogue.read() as connection:
            found = self._wanted(connection)
        at = now()
        # The overdue first, for they end with this answer; then those that were asked about least often.
        return sorted(found, key=lambda one: (not _overdue(one, at), self._asked[one.id], one.submitted_at or at))

    async def _find_outputs(self, submitted: Sequence[Conversion]) -> set[int]:
        """Staged outputs appear whole or not at all, each at its attempt's own key: one that is there is done.

        Returns:
            Ids of those whose folder was listed to its end.
        """
        folders: defaultdict[tuple[str, str], dict[str, Attempt]] = defaultdict(dict)
        for one in submitted:
            if one.publish == "staged" and one.output_bucket and one.output_key:
                folder = one.output_key.rpartition("/")[0] + "/"
                folders[one.output_bucket, folder][one.output_key] = one.this_attempt
        listed: set[int] = set()
        for (bucket, folder), wanted in folders.items():
            there: list[Attempt] = []
            try:
                async for key in self._keys(bucket, folder):
                    if key in wanted:
                        there.append(wanted[key])
                listed |= {attempt.id for attempt in wanted.values()}
            except Exception as error:  # noqa: BLE001 - the SDK's errors share no base; the next round asks again
                self._go_without(error, f"Listing oss://{bucket}/{folder}")
            await self._lookout.run(self._complete, there)
        return listed

    async def _keys(self, bucket: str, prefix: str) -> AsyncIterator[str]:
        client = await self._lookout.client()
        from alibabacloud_oss_v2.models import ListObjectsV2Request

        token: str | None = None
        while True:
            self._lookout.turn.spend(1)
            page = await client.list_objects_v2(
                ListObjectsV2Request(bucket=bucket, prefix=prefix, max_keys=1000, continuation_token=token)
            )
            for found in page.contents or []:
                yield found.key
            if not page.is_truncated:
                return
            token = page.next_continuation_token

    async def _ask_tasks(self, submitted: Sequence[Conversion], listed: set[int]) -> list[Conversion]:
        """GetTask is the only one that knows of a failure.

        Returns:
            Those of which the service said that they aren't done.
        """

        async def is_unfinished(one: Conversion) -> bool:
            self._asked[one.id] += 1
            try:
                status = await self._lookout.call(self._get_task, one)
            except TaskNotFound:
                # Of a task that IMM has forgotten, the output may be all that is left.
                return one.publish != "staged" or one.id in listed
            except Exception as error:  # noqa: BLE001 - the SDK's errors share no base; the next round asks again
                self._go_without(error, f"Asking IMM for task {one.task_id}")
                return False
            if status is None:
                return False
            if status.status == "Succeeded":
                await self._lookout.run(self._complete, [one.this_attempt])
            elif status.status == "Failed":
                await self._lookout.run(self._fail, one, status.code, status.message)
            return status.status not in ENDS

        asked = [one for one in submitted if one.task_id]
        answers = await asyncio.gather(*(is_unfinished(one) for one in asked))
        return [one for one, unfinished in zip(asked, answers, strict=True) if unfinished]

    def _get_task(self, one: Conversion) -> TaskStatus | None:
        """In a thread; None: the task before it was refused, and this one would be."""
        return None if self._refusal else self._lookout.tasks.get_task(one.bucket, one.task_id or "")

    def _go_without(self, error: Exception, what: str) -> None:
        sentence = self._lookout.oss.explain(error, what)
        log.warning("%s", sentence)
        if is_credential_error(error):
            self._refusal = sentence

    def _complete(self, done: Sequence[Attempt]) -> None:
        with self._catalogue.write() as connection:
            move(connection, Verb.COMPLETE, done)

    def _fail(self, one: Conversion, code: str, message: str) -> None:
        with self._catalogue.write() as connection:
            inbox.fail(connection, one.this_attempt, code, message)

    def _expire(self, unfinished: Sequence[Conversion]) -> None:
        at = now()
        for one in unfinished:
            if _overdue(one, at):
                waited = (at - (one.submitted_at or at)) // timedelta(minutes=1)
                self._fail(one, "DeadlineExceeded", f"no result {waited} minutes after the submit (task {one.task_id})")


def _overdue(one: Conversion, at: datetime) -> bool:
    return one.deadline_at is not None and one.deadline_at < at
