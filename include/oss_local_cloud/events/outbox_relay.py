"""Events on their way from the outbox into their topics."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from oss_local_cloud.events.event_message import status_headers
from oss_local_cloud.events.outbox import Outbox
from oss_local_cloud.events.write_origin import WriteOrigin, as_current
from oss_local_cloud.smq.errors import SmqRequestError

log = logging.getLogger(__name__)

Publish = Callable[[str, bytes], Awaitable[object]]
Answer = TypeVar("Answer")
_RETRY_SECONDS = 1.0
_BATCH_SIZE = 256
"""Events published side by side; they share the flushes of the message service."""


class OutboxRelay:
    """Publishes what is in an outbox by `publish` (topic, body).

    A call of the object API publishes the events of its own writes before it is answered, as OSS does. A background
    task publishes all others: events of calls that were cancelled, of renditions, and of an earlier process. A topic
    that refuses the message is logged and not asked again.
    """

    def __init__(self, outbox: Outbox, publish: Publish) -> None:
        self._outbox = outbox
        self._send = publish
        self._queue: list[int] = []
        self._published: list[int] = []
        self._wake = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Publish what is due, and whatever becomes due without a caller that publishes it."""
        loop = asyncio.get_running_loop()

        def on_due(numbers: Sequence[int]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: the next start takes them up
                loop.call_soon_threadsafe(self._enqueue, numbers)

        self._queue = self._outbox.pending()
        self._outbox.on_due = on_due
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Stop publishing; what is due stays in the outbox."""
        if self._running is None:
            return
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running
        self._running = None
        if self._published:
            await asyncio.to_thread(self._outbox.remove, self._published)

    async def publish_with(
        self, origin: WriteOrigin, perform: Callable[[], Awaitable[Answer]]
    ) -> tuple[Answer, dict[str, str]]:
        """Perform a call and publish the events of its writes; returns its answer and the headers to add."""
        origin.publishes_itself = True
        try:
            with as_current(origin):
                answer = await perform()
            return answer, await self._publish_own(origin) if origin.due else {}
        finally:
            self._enqueue(origin.due)

    async def _publish_own(self, origin: WriteOrigin) -> dict[str, str]:
        failures = []
        for number in tuple(origin.due):
            done, failure = await self._publish_event(number)
            if done:
                origin.due.remove(number)
            failures.append(failure)
        return status_headers(next((failure for failure in failures if failure), None))

    def _enqueue(self, numbers: Sequence[int]) -> None:
        if numbers:
            self._queue.extend(numbers)
            self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            batch, self._queue = self._queue[:_BATCH_SIZE], self._queue[_BATCH_SIZE:]
            outcomes = await asyncio.gather(*(self._publish_event(number) for number in batch))
            unfinished = [number for number, (done, _) in zip(batch, outcomes, strict=True) if not done]
            self._queue += unfinished
            failed = bool(unfinished) or not await self._remove_published()
            if failed:
                await asyncio.sleep(_RETRY_SECONDS)
            elif not self._queue and not self._published:
                await self._wake.wait()

    async def _remove_published(self) -> bool:
        """Remove published events from the outbox; False when that failed and is to be tried again."""
        published, self._published = self._published, []
        if published:
            try:
                await asyncio.to_thread(self._outbox.remove, published)
            except sqlite3.Error:
                log.exception("%d published events could not be removed from the outbox", len(published))
                self._published += published
                return False
        return True

    async def _publish_event(self, number: int) -> tuple[bool, str | None]:
        """Publish one event; returns whether it is done, and why it was not published, if it was not."""
        failure = None
        try:
            event = self._outbox.get(number)
            if event is None:
                return True, None
            await self._send(event.topic, event.body.encode())
        except SmqRequestError as error:
            log.warning("event number %d was not published: %s", number, error)
            failure = error.code
        except Exception:
            log.exception("event number %d could not be published; it is tried again", number)
            return False, "InternalError"
        self._published.append(number)
        self._wake.set()
        return True, failure
