"""The services that the operations of the object API use."""

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
    """The services that every operation may use.

    Attributes:
        store: The object store.
        processor: The service that runs conversions.
        region: The region, such as `cn-hangzhou`.
        threads: Threads for calls that block on the disk.
        events: The relay that publishes object events, None when no event rule is configured.
    """

    store: LocalObjectStore
    processor: AsyncProcessor
    region: str
    threads: ThreadPoolExecutor
    events: OutboxRelay | None = None

    async def blocking(self, work: Callable[[], Result]) -> Result:
        """Run a function that blocks on the disk in a thread.

        A thread can't be cancelled. When the caller is cancelled, this method still waits for the thread, so that no
        file is closed while the thread writes to it. The thread runs in the caller's context variables, which name
        the request that a write belongs to.
        """
        in_context = contextvars.copy_context().run
        running = asyncio.get_running_loop().run_in_executor(self.threads, in_context, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait({running})
            raise
