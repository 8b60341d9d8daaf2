"""Events on their way from the outbox into their topics."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from oss_local_cloud.events.message import status_headers
from oss_local_cloud.events.origin import Origin, acting
from oss_local_cloud.events.outbox import Outbox
from oss_local_cloud.smq.errors import SmqRequestError

log = logging.getLogger(__name__)

Publish = Callable[[str, bytes], Awaitable[object]]
Answer = TypeVar("Answer")
_RETRY_SECONDS = 1.0
_TOGETHER = 256
"""Events published side by side; they share the flushes of the message service."""


class OutboxRelay:
    """Publishes what is in an outbox by `publish` (topic, body).

    A call of the object API tells the events of its own writes before it is answered, as OSS does. What it
    left behind, what renditions make due and what an earlier process did not come to is told by a task of
    this object's own. A topic that refuses the message is logged and not asked again.
    """

    def __init__(self, outbox: Outbox, publish: Publish) -> None:
        self._outbox = outbox
        self._publish = publish
        self._later: list[int] = []
        self._told: list[int] = []
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take up what is due, and whatever becomes due without a caller that tells it."""
        loop = asyncio.get_running_loop()

        def on_due(numbers: Sequence[int]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the next start takes them up
                loop.call_soon_threadsafe(self._leave, numbers)

        self._later = self._outbox.waiting()
        self._outbox.on_due = on_due
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop telling; what is due stays in the outbox."""
        if self._running is None:
            return
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running
        self._running = None
        if self._told:
            await asyncio.to_thread(self._outbox.forget, self._told)

    async def watch(self, origin: Origin, perform: Callable[[], Awaitable[Answer]]) -> tuple[Answer, dict[str, str]]:
        """Perform a call, tell the events of its writes, and return its answer with the headers to add."""
        origin.watched = True
        try:
            with acting(origin):
                answer = await perform()
            return answer, await self._tell_own(origin) if origin.due else {}
        finally:
            self._leave(origin.due)

    async def _tell_own(self, origin: Origin) -> dict[str, str]:
        failures = []
        for number in tuple(origin.due):
            settled, failure = await self._tell(number)
            if settled:
                origin.due.remove(number)
            failures.append(failure)
        return status_headers(next((failure for failure in failures if failure), None))

    def _leave(self, numbers: Sequence[int]) -> None:
        if numbers:
            self._later.extend(numbers)
            self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            batch, self._later = self._later[:_TOGETHER], self._later[_TOGETHER:]
            outcomes = await asyncio.gather(*(self._tell(number) for number in batch))
            unsettled = [number for number, (settled, _) in zip(batch, outcomes, strict=True) if not settled]
            self._later += unsettled
            in_trouble = bool(unsettled) or not await self._forget_told()
            if in_trouble:
                await asyncio.sleep(_RETRY_SECONDS)
            elif not self._later and not self._told:
                await self._wake.wait()

    async def _forget_told(self) -> bool:
        """Take what was told out of the outbox; False when that failed and is to be tried again."""
        told, self._told = self._told, []
        if told:
            try:
                await asyncio.to_thread(self._outbox.forget, told)
            except sqlite3.Error:
                log.exception("%d events that are told could not be taken out of the outbox", len(told))
                self._told += told
                return False
        return True

    async def _tell(self, number: int) -> tuple[bool, str | None]:
        """Publish one event: whether it is settled, and why its topic has not got it, if it hasn't."""
        failure = None
        try:
            event = self._outbox.get(number)
            if event is None:
                return True, None
            await self._publish(event.topic, event.body.encode())
        except SmqRequestError as error:
            log.warning("event number %d was not published: %s", number, error)
            failure = error.code
        except Exception:
            log.exception("event number %d could not be published; it is tried again", number)
            return False, "InternalError"
        self._told.append(number)
        self._wake.set()
        return True, failure
