"""Waiting for one shard: notifications through the inbox, and asking the service itself when they are late.

The waiter lives on the triggerer's event loop: whatever blocks is done by the lookout, which it shares with others.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime

from oss_audio_core.catalogue.database import Catalogue, now
from oss_audio_core.catalogue.progress import ShardKey
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.progress import Progress, ProgressLogger
from oss_audio_core.pipeline.shared_poller import LOOK_EVERY, SharedPoller
from oss_audio_core.pipeline.status_poller import StatusPoller, submitted_of
from oss_audio_core.smq import SmqSettings

log = logging.getLogger(__name__)

ASK_AFTER = 60.0
"""Seconds without news after which the service itself is asked, and then again each time."""

OVERDUE_EVERY = 10.0
"""While something is overdue the service is asked this often, in seconds, until it answers."""


class ShardWaiter:
    """Waits for one shard. Any number of waiters, in any processes, may wait for the same."""

    def __init__(
        self,
        lookout: SharedPoller,
        shard: ShardKey,
        *,
        until: datetime,
        ask_after: float = ASK_AFTER,
        tell: Callable[[str], None] = log.info,
    ) -> None:
        """Prepare; nothing is asked yet.

        Args:
            until: absolute end of the wait; a conversion's own deadline may end it earlier.
            ask_after: seconds without news after which the service itself is asked. Without a queue it is asked from
                the start.
            tell: gets a line of progress now and then.
        """
        self._lookout = lookout
        self._shard = shard
        self._until = until
        self._ask_after = ask_after
        self._tell = tell

    async def wait(self) -> Progress:
        """Wait until nothing of the shard is in flight, or until the end of the wait."""
        pace, teller = _Pace(self._ask_after, at_once=not self._lookout.has_queue), ProgressLogger()
        asker = StatusPoller(self._lookout, submitted_of(self._shard))
        asking: asyncio.Task[None] | None = None
        within = 0.0
        try:
            while True:
                progress = await self._lookout.news(self._shard, within)
                pace.saw(progress)
                teller.saw(progress)
                over = progress.done or now() >= self._until
                if over or teller.is_due():
                    # In a thread: Airflow's handler writes into a pipe that its supervisor may be too busy to read.
                    await asyncio.to_thread(self._tell, teller.line(progress, *self._lookout.remarks))
                if over:
                    return progress
                if asking is not None and asking.done():
                    asking.result()
                    asking = None
                    pace.asked()
                # What the queue knew a moment ago needs no asking, and mustn't be taken for overdue.
                if asking is None and (pace.time_to_ask() or (pace.may_ask() and progress.overdue)):
                    asking = asyncio.create_task(asker.ask())
                within = max(0.0, min(pace.until_ask(), self._left()))
                if asking is not None:
                    # Others may have their turn before: meanwhile there may be news.
                    await asyncio.wait([asking], timeout=LOOK_EVERY)
                    within = 0.0 if asking.done() else LOOK_EVERY
        finally:
            if asking is not None:
                asking.cancel()
                await asyncio.wait([asking])

    def _left(self) -> float:
        return (self._until - now()).total_seconds()


def poke(
    catalogue: Catalogue,
    oss: OssSettings,
    smq: SmqSettings | None,
    queue: str | None,
    shard: ShardKey,
) -> Progress:
    """Receive once and, if that was not enough, ask once: for somebody who looks now and then, on no event loop."""

    async def look() -> Progress:
        async with SharedPoller(catalogue, oss, smq, queue) as lookout:
            await lookout.drain(1)
            progress = await lookout.look(shard)
            if not progress.done:
                await StatusPoller(lookout, submitted_of(shard)).ask()
                progress = await lookout.look(shard)
            return progress

    return asyncio.run(look())


class _Pace:
    """When to ask the service."""

    def __init__(self, ask_after: float, *, at_once: bool) -> None:
        began = time.monotonic()
        self._ask_after = ask_after
        self._next_ask = began + (0 if at_once else ask_after)
        self._not_before = began
        self._seen: Progress | None = None

    def saw(self, progress: Progress) -> None:
        if progress != self._seen and self._seen is not None:
            self._next_ask = time.monotonic() + self._ask_after
        self._seen = progress

    def until_ask(self) -> float:
        return self._next_ask - time.monotonic()

    def time_to_ask(self) -> bool:
        return self.until_ask() <= 0

    def may_ask(self) -> bool:
        return time.monotonic() >= self._not_before

    def asked(self) -> None:
        self._next_ask = time.monotonic() + self._ask_after
        self._not_before = time.monotonic() + OVERDUE_EVERY
