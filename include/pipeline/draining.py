"""Draining the notification queue into the inbox: every message is written down before it is deleted."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import AsyncExitStack

from include.catalogue import inbox
from include.catalogue.database import Catalogue
from include.catalogue.inbox import Received
from include.smq import QueueMessage, SmqClient, SmqError, SmqSettings, UndecodableMessage, decode
from include.smq.client import MAX_BATCH

log = logging.getLogger(__name__)

#: Pause after a receive that failed, in seconds: the queue is a hint, the waiter goes on without it.
PAUSE = 5.0
#: Receives of one draining: a queue that never empties must not keep its waiter from looking.
RECEIVES = 64
#: Seconds between two drainings of a busy queue: what gathers meanwhile comes in full batches and costs one look.
GATHER = 1.0


class Drainer:
    """Receives from one queue for everybody; who holds the role is the caller's business."""

    def __init__(self, catalogue: Catalogue, smq: SmqSettings, queue: str, stack: AsyncExitStack) -> None:
        self._catalogue = catalogue
        self._smq = smq
        self._queue = queue
        self._stack = stack
        self._client: SmqClient | None = None
        self._not_before = 0.0

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
                    await asyncio.to_thread(self._store, [_received(self._queue, one) for one in messages])
                    await self._client.delete(self._queue, [one.receipt_handle for one in messages])
                taken += len(messages)
                if len(messages) < MAX_BATCH:
                    break
        except (SmqError, OSError) as error:
            log.warning("queue %s: %s; going on without it for %.0f s", self._queue, error, PAUSE)
            await asyncio.sleep(PAUSE)
        if taken:
            self._not_before = time.monotonic() + GATHER
        return taken

    def _store(self, received: list[Received]) -> None:
        with self._catalogue.write() as connection:
            inbox.store(connection, received)


def _received(queue: str, message: QueueMessage) -> Received:
    try:
        told = decode(message.body)
    except UndecodableMessage as error:
        return Received(queue, message.message_id, None, None, None, str(error), message.body)
    return Received(queue, message.message_id, told.task_id, told.status, told.code or None, told.message or None, None)
