"""The pace of polling requests: one round at a time, and a common limit of requests a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

REQUESTS_PER_SECOND = 10.0
"""Requests a second, LIST and GetTask together, that all rounds of polling may come to."""


class RequestLimiter:
    """Lets one round of polling through at a time, first come, first served, at one pace for all."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._free_at = 0.0
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many rounds wait for their turn."""
        return self._waiting

    @property
    def seconds_until_free(self) -> float:
        """Seconds until the next round may begin."""
        return max(0.0, self._free_at - time.monotonic())

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[None]:
        """Wait for the turn, and hold it until the block ends."""
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
        try:
            await asyncio.sleep(self.seconds_until_free)
            yield
        finally:
            self._lock.release()

    def charge(self, requests: int) -> None:
        """Count requests that are about to be made: the next round waits as long as they take at the pace."""
        self._free_at = max(self._free_at, time.monotonic()) + requests / REQUESTS_PER_SECOND
