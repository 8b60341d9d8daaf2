"""The waiting long polls of each queue; none of them needs a thread.

A message wakes one poll, not all that wait: with a thousand of them, every message would cost a thousand queries. A
poll that is woken and leaves without a query wakes the next one, so that no message is left waiting.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class LongPolls:
    """The long polls of a service, in the order they came.

    For each queue there is one alarm for the moment its next invisible message can be received. All calls belong to
    one event loop.
    """

    def __init__(self) -> None:
        self._waiting: dict[str, dict[asyncio.Event, None]] = {}
        self._alarms: dict[str, asyncio.TimerHandle] = {}

    @contextmanager
    def join(self, queue: str) -> Iterator[asyncio.Event]:
        """Wait at `queue`; the event says that a query is due. Clear it before the query."""
        woken = asyncio.Event()
        line = self._waiting.setdefault(queue, {})
        line[woken] = None
        try:
            yield woken
        finally:
            del line[woken]
            if not line and self._waiting.get(queue) is line:
                del self._waiting[queue]
                self._cancel_alarm(queue)
            if woken.is_set():
                self.wake(queue, 1)

    def waiting(self, queue: str) -> int:
        """How many polls wait at a queue."""
        return len(self._waiting.get(queue, ()))

    def wake(self, queue: str, most: int | None = None) -> None:
        """Wake the first `most` polls of a queue, None for all of them."""
        line = self._waiting.get(queue, {})
        for woken in line:
            if most == 0:
                return
            if not woken.is_set():
                woken.set()
                most = None if most is None else most - 1

    def wake_in(self, queue: str, seconds: float) -> None:
        """Wake one poll after `seconds`, or at an earlier moment that was set before."""
        if queue not in self._waiting:
            return
        loop = asyncio.get_running_loop()
        earlier = self._alarms.get(queue)
        if earlier is not None and earlier.when() <= loop.time() + seconds:
            return
        self._cancel_alarm(queue)
        self._alarms[queue] = loop.call_later(seconds, self._ring, queue)

    def wake_all(self) -> None:
        """Wake every poll."""
        for queue in list(self._waiting):
            self.wake(queue)

    def _ring(self, queue: str) -> None:
        del self._alarms[queue]
        self.wake(queue, 1)

    def _cancel_alarm(self, queue: str) -> None:
        alarm = self._alarms.pop(queue, None)
        if alarm is not None:
            alarm.cancel()
