"""What the operations work with."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from oss_local_cloud.events.outbox_relay import OutboxRelay
from oss_local_cloud.interfaces import AsyncProcessor
from oss_local_cloud.store.object_store import LocalObjectStore

Result = TypeVar("Result")


@dataclass(frozen=True)
class ApiContext:
    """The object store, whoever runs conversions, the region, the threads that wait for the disk, and whoever
    tells the events of writes (None: nobody does)."""

    store: LocalObjectStore
    processor: AsyncProcessor
    region: str
    threads: ThreadPoolExecutor
    events: OutboxRelay | None = None

    async def blocking(self, work: Callable[[], Result]) -> Result:
        """Run something that waits for the disk off the event loop.

        A thread can't be called off: when the caller is cancelled, this waits for the thread all the same, so
        that nobody closes a file it still writes to. The thread runs in the caller's context, where a write
        finds the call it belongs to.
        """
        in_context = contextvars.copy_context().run
        running = asyncio.get_running_loop().run_in_executor(self.threads, in_context, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait({running})
            raise
