"""Waiting for one shard: notifications through the inbox, and polling OSS and IMM when they are late.

The waiter runs on the triggerer's event loop; the shared poller does whatever blocks.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime

from oss_audio_core.catalogue.database import Catalogue, now
from oss_audio_core.catalogue.progress import ShardKey
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline import outputs_in_place
from oss_audio_core.pipeline.waiting.progress import Progress, ProgressLogger
from oss_audio_core.pipeline.waiting.shared_poller import REFRESH_EVERY, SharedPoller
from oss_audio_core.pipeline.waiting.status_poller import StatusPoller, submitted_of
from oss_audio_core.smq import SmqSettings
from oss_audio_core.text.logs import get_logger

log = get_logger(__name__)

ASK_AFTER = 60.0
"""Seconds without progress after which OSS and IMM are polled, and then again each time."""

CONFIRM_EVERY = 5.0
"""Seconds between two rounds that ask for tasks which messages call failed."""

OVERDUE_EVERY = 10.0
"""Seconds between two polls while a conversion is overdue, until the service answers."""


class ShardWaiter:
    """Waits for one shard. Any number of waiters, in any processes, may wait for the same."""

    def __init__(
        self,
        poller: SharedPoller,
        shard: ShardKey,
        *,
        until: datetime,
        ask_after: float = ASK_AFTER,
        log_line: Callable[[str], None] = log.info,
    ) -> None:
        """Prepare; no request is made yet.

        Args:
            poller: shared with the other waiters of the event loop.
            shard: the shard.
            until: absolute end of the wait; a conversion's own deadline may end it earlier.
            ask_after: seconds without progress after which OSS and IMM are polled. Without a queue they are polled
                from the start.
            log_line: gets a line of progress now and then.
        """
        self._poller = poller
        self._shard = shard
        self._until = until
        self._ask_after = ask_after
        self._log_line = log_line

    async def wait(self) -> Progress:
        """Wait until nothing of the shard is in flight, or until the end of the wait."""
        schedule, logger = _PollSchedule(self._ask_after, at_once=not self._poller.has_queue), ProgressLogger()
        status_poller = StatusPoller(self._poller, submitted_of(self._shard))
        polling: asyncio.Task[None] | None = None
        confirming = False
        within = 0.0
        try:
            while True:
                progress = await self._poller.wait_for_update(self._shard, within)
                schedule.on_progress(progress)
                logger.on_progress(progress)
                over = progress.done or now() >= self._until
                if over or logger.is_due():
                    # In a thread: Airflow's handler writes into a pipe that its supervisor may be too busy to read.
                    await asyncio.to_thread(self._log_line, logger.line(progress, *self._poller.remarks))
                if over:
                    await _record_in_place(self._poller, self._shard)
                    return progress
                if polling is not None and polling.done():
                    polling.result()
                    polling = None
                    schedule.on_confirmed() if confirming else schedule.on_polled()
                # The queue's messages are applied before: their conversions must not be taken for overdue.
                if polling is None and (schedule.is_due() or (schedule.may_poll() and progress.overdue)):
                    polling, confirming = asyncio.create_task(status_poller.poll()), False
                elif polling is None and progress.said_failed and schedule.may_confirm():
                    polling, confirming = asyncio.create_task(status_poller.confirm_failures()), True
                within = max(0.0, min(schedule.until_due(), self._left()))
                if progress.said_failed:
                    within = min(within, REFRESH_EVERY)
                if polling is not None:
                    # Other rounds may come first: meanwhile messages may arrive.
                    await asyncio.wait([polling], timeout=REFRESH_EVERY)
                    within = 0.0 if polling.done() else REFRESH_EVERY
        finally:
            if polling is not None:
                polling.cancel()
                await asyncio.wait([polling])

    def _left(self) -> float:
        return (self._until - now()).total_seconds()


def poke(
    catalogue: Catalogue,
    oss: OssSettings,
    smq: SmqSettings | None,
    queue: str | None,
    shard: ShardKey,
) -> Progress:
    """Drain the queue once and, if that was not enough, poll once: for a sensor that pokes, not on an event loop."""

    async def poll_once() -> Progress:
        async with SharedPoller(catalogue, oss, smq, queue) as poller:
            await poller.drain(1)
            progress = await poller.refresh(shard)
            status_poller = StatusPoller(poller, submitted_of(shard))
            if progress.said_failed:
                await status_poller.confirm_failures()
                progress = await poller.refresh(shard)
            if not progress.done:
                await status_poller.poll()
                progress = await poller.refresh(shard)
            if progress.done:
                await _record_in_place(poller, shard)
            return progress

    return asyncio.run(poll_once())


async def _record_in_place(poller: SharedPoller, shard: ShardKey) -> None:
    """Record what was written to final keys at once. A failure is logged, for the shard itself is done."""
    targets = await poller.run(outputs_in_place.converted_in_place, poller.catalogue, shard)
    if not targets:
        return
    try:
        found = await poller.call(outputs_in_place.look_up, poller.oss, targets)
    except Exception as error:  # noqa: BLE001 - the SDK's errors share no base
        log.warning("%s", poller.oss.explain(error, "Looking at what was written to final keys"))
        return
    await poller.run(outputs_in_place.record, poller.catalogue, found)


class _PollSchedule:
    """When to poll OSS and IMM."""

    def __init__(self, ask_after: float, *, at_once: bool) -> None:
        began = time.monotonic()
        self._ask_after = ask_after
        self._next = began + (0 if at_once else ask_after)
        self._not_before = began
        self._confirm_from = began
        self._progress: Progress | None = None

    def on_progress(self, progress: Progress) -> None:
        if progress != self._progress and self._progress is not None:
            self._next = time.monotonic() + self._ask_after
        self._progress = progress

    def until_due(self) -> float:
        return self._next - time.monotonic()

    def is_due(self) -> bool:
        return self.until_due() <= 0

    def may_poll(self) -> bool:
        return time.monotonic() >= self._not_before

    def may_confirm(self) -> bool:
        return time.monotonic() >= self._confirm_from

    def on_confirmed(self) -> None:
        self._confirm_from = time.monotonic() + CONFIRM_EVERY

    def on_polled(self) -> None:
        self._next = time.monotonic() + self._ask_after
        self._not_before = time.monotonic() + OVERDUE_EVERY
