"""Draining the notification queue into the inbox: every message is recorded before it is deleted."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection

from oss_audio_core.catalogue import inbox
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.inbox import InboxMessage
from oss_audio_core.smq import (
    QueueMessage,
    SmqClient,
    SmqCredentialError,
    SmqError,
    SmqSettings,
    TaskNotification,
    UndecodableMessage,
    decode,
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


@dataclass(frozen=True)
class _Unsettled:
    """A message whose task may be another catalogue's: its arrival (monotonic), and what the task read and wrote."""

    arrived_at: float
    sources: Sequence[str]
    targets: Sequence[str]


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
            found = {task_id for task_id in settled if _is_ours(connection, self._unsettled[task_id])}
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
        decoded = [_decode(self._queue, one) for one in messages]
        with self._catalogue.write() as connection:
            inbox.store(connection, [message for message, _ in decoded])
        for _, task in decoded:
            if task is None:
                self._foreign += 1
            else:
                self._unsettled.setdefault(task.task_id, _Unsettled(time.monotonic(), task.sources, task.targets))


def _decode(queue: str, message: QueueMessage) -> tuple[InboxMessage, TaskNotification | None]:
    try:
        task = decode(message.body)
    except UndecodableMessage as error:
        return InboxMessage(queue, message.message_id, None, None, None, str(error), message.body), None
    code, reason = task.code or None, task.message or None
    return InboxMessage(queue, message.message_id, task.task_id, task.status, code, reason, None), task


def _is_ours(connection: Connection, task: _Unsettled) -> bool:
    return any(inbox.is_output(connection, source, target) for source in task.sources for target in task.targets)
