"""The order in which accepted tasks are taken up: in turns by source bucket, first come first served within one."""

from __future__ import annotations

import asyncio
from collections import deque


class FairQueue:
    """Numbers of tasks that wait, by bucket. However many one bucket has, another's next task waits for one of them."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[int]] = {}  # in the order of the turns
        self._any = asyncio.Semaphore(0)

    def put(self, bucket: str, number: int) -> None:
        """Add a task; a bucket that had none waiting has its turn after all that have."""
        self._waiting.setdefault(bucket, deque()).append(number)
        self._any.release()

    async def get(self) -> int:
        """Take the next task, waiting for one."""
        await self._any.acquire()
        bucket = next(iter(self._waiting))
        numbers = self._waiting.pop(bucket)
        number = numbers.popleft()
        if numbers:
            self._waiting[bucket] = numbers
        return number
