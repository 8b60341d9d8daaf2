"""Asking the service itself what became of conversions whose notification is late: LIST, then GetTask."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

from include.catalogue import conversions, inbox
from include.catalogue.conversions import Attempt, Conversion, move
from include.catalogue.database import Catalogue, now
from include.catalogue.states import State, Verb
from include.oss import OssSettings, TaskNotFound, TaskStatus

log = logging.getLogger(__name__)

#: Tasks asked for in one round, the longest waiting first: bounds the requests however large the shard is.
TASKS_A_ROUND = 200
#: GetTask calls at once.
CALLS_AT_ONCE = 4


class Asker:
    """Asks for one shard. A round costs a LIST page for every thousand staged outputs and at most 200 GetTask."""

    def __init__(
        self, catalogue: Catalogue, oss: OssSettings, batch_id: int, shard: int, stack: AsyncExitStack
    ) -> None:
        self._catalogue = catalogue
        self._oss = oss
        self._batch_id = batch_id
        self._shard = shard
        self._stack = stack
        self._client: Any = None
        self._tasks = oss.imm()

    def anything_overdue(self) -> bool:
        """Whether a submitted conversion's deadline has passed."""
        with self._catalogue.read() as connection:
            first = conversions.first_deadline(connection, self._batch_id, self._shard)
        return first is not None and first < now()

    async def ask(self) -> None:
        """One round: outputs that are there, then tasks; whoever is past its deadline after that has failed."""
        await self._find_outputs(await asyncio.to_thread(self._submitted))
        await self._ask_tasks((await asyncio.to_thread(self._submitted))[:TASKS_A_ROUND])
        await asyncio.to_thread(self._expire)

    def _submitted(self) -> list[Conversion]:
        with self._catalogue.read() as connection:
            found = conversions.of_batch(connection, self._batch_id, [State.SUBMITTED], shard=self._shard)
        return sorted(found, key=lambda one: one.submitted_at or now())

    async def _find_outputs(self, submitted: Sequence[Conversion]) -> None:
        """Staged outputs appear whole or not at all, each at its attempt's own key: one that is there is done."""
        folders: defaultdict[tuple[str, str], dict[str, Attempt]] = defaultdict(dict)
        for one in submitted:
            if one.publish == "staged" and one.output_bucket and one.output_key:
                folder = one.output_key.rpartition("/")[0] + "/"
                folders[one.output_bucket, folder][one.output_key] = one.this_attempt
        for (bucket, folder), wanted in folders.items():
            there = [wanted[key] async for key in self._keys(bucket, folder) if key in wanted]
            await asyncio.to_thread(self._complete, there)

    async def _keys(self, bucket: str, prefix: str) -> AsyncIterator[str]:
        if self._client is None:
            self._client = await self._stack.enter_async_context(self._oss.open_aio_client())
        from alibabacloud_oss_v2.models import ListObjectsV2Request

        token: str | None = None
        while True:
            try:
                page = await self._client.list_objects_v2(
                    ListObjectsV2Request(bucket=bucket, prefix=prefix, max_keys=1000, continuation_token=token)
                )
            except Exception as error:  # noqa: BLE001 - the SDK's errors share no base; the next round asks again
                log.warning("%s", self._oss.explain(error, f"Listing oss://{bucket}/{prefix}"))
                return
            for found in page.contents or []:
                yield found.key
            if not page.is_truncated:
                return
            token = page.next_continuation_token

    async def _ask_tasks(self, submitted: Sequence[Conversion]) -> None:
        """GetTask is the only one that knows of a failure."""
        gate = asyncio.Semaphore(CALLS_AT_ONCE)

        async def ask(one: Conversion) -> tuple[Conversion, TaskStatus | None]:
            async with gate:
                return one, await asyncio.to_thread(self._task, one)

        for answer in asyncio.as_completed([ask(one) for one in submitted if one.task_id]):
            one, status = await answer
            if status is None:
                continue
            if status.status == "Succeeded":
                await asyncio.to_thread(self._complete, [one.this_attempt])
            elif status.status == "Failed":
                await asyncio.to_thread(self._fail, one, status.code, status.message)

    def _task(self, one: Conversion) -> TaskStatus | None:
        try:
            return self._tasks.get_task(one.bucket, one.task_id or "")
        except TaskNotFound:
            return None
        except Exception as error:  # noqa: BLE001 - the SDK's errors share no base; the next round asks again
            log.warning("%s", self._oss.explain(error, f"Asking IMM for task {one.task_id}"))
            return None

    def _complete(self, done: Sequence[Attempt]) -> None:
        with self._catalogue.write() as connection:
            move(connection, Verb.COMPLETE, done)

    def _fail(self, one: Conversion, code: str, message: str) -> None:
        with self._catalogue.write() as connection:
            inbox.fail(connection, one.this_attempt, code, message)

    def _overdue(self) -> list[Conversion]:
        at = now()
        return [one for one in self._submitted() if one.deadline_at is not None and one.deadline_at < at]

    def _expire(self) -> None:
        for one in self._overdue():
            waited = (now() - (one.submitted_at or now())) // timedelta(minutes=1)
            self._fail(one, "DeadlineExceeded", f"no result {waited} minutes after the submit (task {one.task_id})")
