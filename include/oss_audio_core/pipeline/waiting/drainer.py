"""Draining the notification queue into the inbox: every message is recorded before it is deleted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from oss_audio_core.catalogue import inbox
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.pipeline.waiting.bounded_message import bounded
from oss_audio_core.smq import (
    QueueMessage,
    SmqClient,
    SmqCredentialError,
    SmqError,
    SmqSettings,
)
from oss_audio_core.smq.client import MAX_BATCH
from oss_audio_core.text.logs import get_logger

log = get_logger(__name__)

PAUSE = 5.0
"""Seconds of pause after a receive that failed: notifications are hints, the wait goes on without them."""

RECEIVES = 64
"""Receives of one draining: the waiter must go on even if the queue never becomes empty."""

GATHER = 1.0
"""Seconds between two drainings of a busy queue: messages then come in full batches and cost one refresh."""

SETTLED = 60.0
"""Seconds after a message's arrival at which its TaskId is recorded if the task is ours and its submit was answered."""


MOST_UNSETTLED = 10_000
"""Messages that wait for their TaskId in memory; a flood of more is counted as foreign without another look."""


@dataclass(frozen=True)
class _Unsettled:
    """A message whose task may be another catalogue's: its arrival (monotonic), and what the task read and wrote."""

    arrived_at: float
    outputs: Sequence[tuple[str, str]]


class Drainer:
    """Receives from one queue for all waiters. The caller holds the drain lease.

    Attributes:
        failure: why the queue could not be read the last time; empty when it could.
        refused: whether SMQ refused the credentials then.
    """

    def __init__(
        self,
        run: Callable[..., Awaitable[Any]],
        catalogue: Catalogue,
        smq: SmqSettings,
        queue: str,
        stack: AsyncExitStack,
    ) -> None:
        """Prepare; nothing is received yet.

        Args:
            run: calls a function in a thread that may block.
            catalogue: whose inbox gets the messages.
            smq: SMQ.
            queue: the queue's name.
            stack: closes the client.
        """
        self.failure = ""
        self.refused = False
        self._run = run
        self._catalogue = catalogue
        self._smq = smq
        self._queue = queue
        self._stack = stack
        self._client: SmqClient | None = None
        self._not_before = 0.0
        self._unsettled: dict[str, _Unsettled] = {}
        self._foreign = 0

    async def drain(self, wait_seconds: int) -> int:
        """Wait for messages and take the available ones, a thousand at most.

        A message of another process's conversion, or one that can't be decoded, goes into the inbox as well.

        Args:
            wait_seconds: how long to wait for the first message.

        Returns:
            The number of messages.
        """
        if self._client is None:
            self._client = await self._stack.enter_async_context(SmqClient(self._smq))
        await asyncio.sleep(self._not_before - time.monotonic())
        taken = 0
        try:
            for _ in range(RECEIVES):
                messages = await self._client.receive(self._queue, wait_seconds=0 if taken else wait_seconds)
                if messages:
                    await self._run(self._store, messages)
                    await self._client.delete(self._queue, [one.receipt_handle for one in messages])
                taken += len(messages)
                if len(messages) < MAX_BATCH:
                    break
            self.failure, self.refused = "", False
        except (SmqError, OSError) as error:
            self.failure = f"queue {self._queue}: {error}"
            log.warning("%s; going on without it for %.0f s", self.failure, PAUSE)
            self.refused = isinstance(error, SmqCredentialError)
            await asyncio.sleep(PAUSE)
        if taken:
            self._not_before = time.monotonic() + GATHER
        return taken

    def use_settings(self, smq: SmqSettings) -> None:
        """Make the next requests with other settings."""
        self._smq = smq
        if self._client is not None:
            self._client.settings = smq

    def count_foreign(self) -> int:
        """How many messages were of no task of this catalogue, or could not be decoded; in a thread.

        A message may come before its TaskId is recorded: it counts only as long as the TaskId is unknown. The TaskId of
        a lost submit whose output was found is never recorded: there the output shows that the task is ours.
        """
        if not self._unsettled:
            return self._foreign
        before = time.monotonic() - SETTLED
        with self._catalogue.read() as connection:
            unknown = inbox.unknown_tasks(connection, self._unsettled)
            settled = {task_id for task_id in unknown if self._unsettled[task_id].arrived_at <= before}
            outputs = {task_id: self._unsettled[task_id].outputs for task_id in settled}
            known = inbox.known_outputs(connection, {pair for pairs in outputs.values() for pair in pairs})
            found = {task_id for task_id, pairs in outputs.items() if not known.isdisjoint(pairs)}
        self._unsettled = {task_id: self._unsettled[task_id] for task_id in unknown - settled}
        settled -= found
        if settled:
            log.warning(
                "queue %s: %d messages of tasks that this catalogue doesn't know, of %s and others; the catalogue "
                "that they are for will not find them in this queue: give every catalogue a topic and a queue of its "
                "own",
                self._queue,
                len(settled),
                min(settled),
            )
        self._foreign += len(settled)
        return self._foreign + len(self._unsettled)

    def _store(self, messages: Sequence[QueueMessage]) -> None:
        received = [bounded(self._queue, one) for one in messages]
        with self._catalogue.write() as connection:
            inbox.store(connection, [one.kept for one in received])
        for one in received:
            if one.kept.task_id is None or len(self._unsettled) >= MOST_UNSETTLED:
                self._foreign += 1
            else:
                self._unsettled.setdefault(one.kept.task_id, _Unsettled(time.monotonic(), one.outputs))
