"""What the operations work with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from include.local_cloud.interfaces import AsyncProcessor
from include.local_cloud.store.objects import LocalObjectStore

Result = TypeVar("Result")


@dataclass(frozen=True)
class Context:
    """The object store, whoever runs conversions, the region, and the threads that wait for the disk."""

    store: LocalObjectStore
    processor: AsyncProcessor
    region: str
    threads: ThreadPoolExecutor

    async def blocking(self, work: Callable[[], Result]) -> Result:
        """Run something that waits for the disk off the event loop.

        A thread can't be called off: when the caller is cancelled, this waits for the thread all the same, so
        that nobody closes a file it still writes to.
        """
        running = asyncio.get_running_loop().run_in_executor(self.threads, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait({running})
            raise
