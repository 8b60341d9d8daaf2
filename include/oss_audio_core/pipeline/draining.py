"""Draining the notification queue into the inbox: every message is written down before it is deleted."""

from __future__ import annotations

import asyncio
import logging
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

log = logging.getLogger(__name__)

PAUSE = 5.0
"""Pause after a receive that failed, in seconds: the queue is a hint, the waiter goes on without it."""

RECEIVES = 64
"""Receives of one draining: a queue that never empties must not keep its waiter from looking."""

GATHER = 1.0
"""Seconds between two drainings of a busy queue: what gathers meanwhile comes in full batches and costs one look."""

SETTLED = 60.0
"""So many seconds after a message came, its TaskId is written down if the task is ours and its submit was answered."""


@dataclass(frozen=True)
class _Told:
    """What a message that may be a stranger's said: when it came (monotonic), and what its task read and wrote."""

    at: float
    sources: Sequence[str]
    targets: Sequence[str]


class Drainer:
    """Receives from one queue for everybody; who holds the role is the caller's business.

    Args:
        run: calls a function in a thread that may block.

    Attributes:
        trouble: why the queue could not be read the last time; empty when it could.
        refused: whether SMQ didn't accept then who we are.
    """

    def __init__(
        self,
        run: Callable[..., Awaitable[Any]],
        catalogue: Catalogue,
        smq: SmqSettings,
        queue: str,
        stack: AsyncExitStack,
    ) -> None:
        self.trouble = ""
        self.refused = False
        self._run = run
        self._catalogue = catalogue
        self._smq = smq
        self._queue = queue
        self._stack = stack
        self._client: SmqClient | None = None
        self._not_before = 0.0
        self._unsettled: dict[str, _Told] = {}
        self._foreign = 0

    async def drain(self, wait_seconds: int) -> int:
        """Wait for messages and take those that are there, a thousand at most.

        Returns:
            How many came. A message of somebody else's conversion, or one that can't be decoded, goes into the
            inbox as well: whoever needs it finds it there.
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
            self.trouble, self.refused = "", False
        except (SmqError, OSError) as error:
            self.trouble = f"queue {self._queue}: {error}"
            log.warning("%s; going on without it for %.0f s", self.trouble, PAUSE)
            self.refused = isinstance(error, SmqCredentialError)
            await asyncio.sleep(PAUSE)
        if taken:
            self._not_before = time.monotonic() + GATHER
        return taken

    def go_on_with(self, smq: SmqSettings) -> None:
        """Make the next requests with other settings."""
        self._smq = smq
        if self._client is not None:
            self._client.settings = smq

    def count_foreign(self) -> int:
        """How many messages this drainer took that tell of no task of ours, or that can't be read; in a thread.

        A message may come before the TaskId it tells of is written down: it counts only as long as nobody knows that.
        Of a submit without an answer whose output was found, the TaskId is never written: its output tells.
        """
        if not self._unsettled:
            return self._foreign
        before = time.monotonic() - SETTLED
        with self._catalogue.read() as connection:
            strangers = inbox.unknown_tasks(connection, self._unsettled)
            settled = {task_id for task_id in strangers if self._unsettled[task_id].at <= before}
            found = {task_id for task_id in settled if _is_ours(connection, self._unsettled[task_id])}
        self._unsettled = {task_id: self._unsettled[task_id] for task_id in strangers - settled}
        settled -= found
        if settled:
            log.warning(
                "queue %s: %d messages of tasks that this catalogue doesn't know, of %s and others; whoever they are "
                "for will not find them here: give every catalogue a topic and a queue of its own",
                self._queue,
                len(settled),
                min(settled),
            )
        self._foreign += len(settled)
        return self._foreign + len(self._unsettled)

    def _store(self, messages: Sequence[QueueMessage]) -> None:
        read = [_read(self._queue, one) for one in messages]
        with self._catalogue.write() as connection:
            inbox.store(connection, [received for received, _ in read])
        for _, told in read:
            if told is None:
                self._foreign += 1
            else:
                self._unsettled.setdefault(told.task_id, _Told(time.monotonic(), told.sources, told.targets))


def _read(queue: str, message: QueueMessage) -> tuple[InboxMessage, TaskNotification | None]:
    try:
        told = decode(message.body)
    except UndecodableMessage as error:
        return InboxMessage(queue, message.message_id, None, None, None, str(error), message.body), None
    code, reason = told.code or None, told.message or None
    return InboxMessage(queue, message.message_id, told.task_id, told.status, code, reason, None), told


def _is_ours(connection: Connection, told: _Told) -> bool:
    return any(inbox.is_output(connection, source, target) for source in told.sources for target in told.targets)
