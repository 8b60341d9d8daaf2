"""Waiting for one shard: notifications through the inbox, and asking the service itself when they are late.

Everything that blocks, the database included, runs in threads: the waiter lives on the triggerer's event loop.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from include.catalogue import conversions, inbox, leases
from include.catalogue.database import Catalogue, now
from include.catalogue.states import IN_FLIGHT, UNHAPPY, State
from include.oss import OssSettings
from include.smq import SmqSettings

from .asking import Asker
from .draining import Drainer

log = logging.getLogger(__name__)

#: How long the role of draining a queue is held without being renewed.
DRAIN_TERM = timedelta(seconds=30)
#: A waiter that doesn't drain the queue itself looks into the inbox this often, in seconds.
LOOK_EVERY = 2.0
#: While something is overdue the service is asked this often, in seconds, until it answers.
OVERDUE_EVERY = 10.0
#: Progress is told so soon after the first time, in seconds, then after twice as long each time up to the longest: a
#: minute's wait is seen to move, and a night's fits on a page.
TELL_AFTER, TELL_LONGEST = 15.0, 300.0

#: So long after its lease a half submitted conversion is given up by who waits: its submit failed for good, and Airflow
#: would have tried it again by now.
ABANDONED = timedelta(minutes=15)

#: States with an output at hand, verified or not.
CONVERTED = frozenset({State.CONVERTED, State.VERIFIED, State.PUBLISHED})
#: Ends that are neither an output nor a failure.
LEFT_OUT = frozenset({State.SKIPPED, State.SUPERSEDED, State.CANCELLED})


@dataclass(frozen=True)
class WaitOptions:
    """How a shard is waited for.

    Attributes:
        queue: SMQ queue that gets the completion messages; None: the service is asked from the start.
        long_poll: seconds that one receive waits for a message (SMQ allows 30).
        ask_after: seconds without news after which the service itself is asked, and then again each time.
    """

    queue: str | None = None
    long_poll: int = 10
    ask_after: float = 60.0


@dataclass(frozen=True)
class Progress:
    """How far a shard is.

    Attributes:
        in_flight: conversions that the service has, or may have.
        converted: outputs that wait for verification, or went through it.
        failed: conversions that ended badly; each has its reason in its row.
        waiting: conversions that nobody has submitted, or that somebody left half submitted: only another submit can
            look into those.
        left_out: conversions that ended without an output and without a failure: an empty source, or one of which a
            newer generation was planned meanwhile.
    """

    in_flight: int
    converted: int
    failed: int
    waiting: int
    left_out: int = 0

    def __str__(self) -> str:
        return f"{self.converted} converted, {self.failed} failed, {self.in_flight} in flight"

    @property
    def done(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self.in_flight == 0

    @property
    def disappointing(self) -> bool:
        """Whether something failed, or nothing at all came of what was wanted."""
        return self.failed > 0 or (self.left_out > 0 and self.converted == 0)

    @classmethod
    def read(cls, connection: Connection, batch_id: int, shard: int | None) -> Progress:
        """Sum up the states of a batch, or of one shard of it."""
        counts = conversions.count_states(connection, batch_id, shard=shard)
        abandoned = conversions.count_abandoned(connection, batch_id, shard, now() - ABANDONED)

        def of(states: Iterable[State]) -> int:
            return sum(counts.get(state, 0) for state in states)

        in_flight, waiting = of(IN_FLIGHT) - abandoned, of({State.PLANNED}) + abandoned
        return cls(in_flight, of(CONVERTED), of(UNHAPPY), waiting, of(LEFT_OUT))


class ShardWaiter:
    """Waits for one shard, or for a whole batch. Any number of waiters, in any processes, may wait for the same."""

    def __init__(
        self,
        catalogue: Catalogue,
        oss: OssSettings,
        smq: SmqSettings | None,
        batch_id: int,
        shard: int | None,
        options: WaitOptions,
        *,
        until: datetime,
        tell: Callable[[str], None] = log.info,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            until: absolute end of the wait; a conversion's own deadline may end it earlier.
            tell: gets a line of progress now and then.
        """
        self._catalogue = catalogue
        self._oss = oss
        self._smq = smq
        self._batch_id = batch_id
        self._shard = shard
        self._options = options
        self._until = until
        self._tell = tell
        self._owner = secrets.token_hex(8)

    async def look(self) -> Progress:
        """Take one look at what the inbox and the catalogue know; asks nobody."""
        return await asyncio.to_thread(self._look)

    async def poke(self, *, ask: bool = True) -> Progress:
        """Receive once and, if that was not enough, ask once: for somebody who looks now and then."""
        async with AsyncExitStack() as stack:
            asker, drainer = self._means(stack)
            if drainer is not None and await asyncio.to_thread(self._take_role):
                await drainer.drain(1)
            progress = await self.look()
            if ask and not progress.done:
                await asker.ask()
                progress = await self.look()
            return progress

    async def wait(self) -> Progress:
        """Wait until nothing of the shard is in flight, or until the end of the wait."""
        async with AsyncExitStack() as stack:
            asker, drainer = self._means(stack)
            pace = _Pace(self._options.ask_after, at_once=drainer is None)
            while True:
                progress = await self.look()
                pace.saw(progress)
                over = progress.done or now() >= self._until
                if over or pace.time_to_tell():
                    foreign = 0 if drainer is None else await asyncio.to_thread(drainer.count_foreign)
                    self._tell(pace.line(progress, foreign))
                if over:
                    return progress
                if pace.time_to_ask() or (pace.may_ask() and await asyncio.to_thread(asker.anything_overdue)):
                    # What the queue already knows needs no asking, and mustn't be taken for overdue.
                    if drainer is not None and await asyncio.to_thread(self._take_role):
                        await drainer.drain(0)
                        await self.look()
                    await asker.ask()
                    pace.asked()
                elif drainer is not None and await asyncio.to_thread(self._take_role):
                    room = min(self._options.long_poll, pace.until_ask(), self._left())
                    await drainer.drain(max(1, int(room)))
                else:
                    await asyncio.sleep(LOOK_EVERY)

    def _means(self, stack: AsyncExitStack) -> tuple[Asker, Drainer | None]:
        asker = Asker(self._catalogue, self._oss, self._batch_id, self._shard, stack)
        if self._smq is None or not self._options.queue:
            return asker, None
        stack.push_async_callback(asyncio.to_thread, self._give_back)
        return asker, Drainer(self._catalogue, self._smq, self._options.queue, stack)

    def _look(self) -> Progress:
        inbox.apply(self._catalogue, self._batch_id, self._shard)
        with self._catalogue.read() as connection:
            return Progress.read(connection, self._batch_id, self._shard)

    def _take_role(self) -> bool:
        with self._catalogue.write() as connection:
            return leases.acquire(connection, f"drain {self._options.queue}", self._owner, DRAIN_TERM)

    def _give_back(self) -> None:
        with self._catalogue.write() as connection:
            leases.release(connection, f"drain {self._options.queue}", self._owner)

    def _left(self) -> float:
        return (self._until - now()).total_seconds()


class _Pace:
    """When to ask the service, and when to tell the log."""

    def __init__(self, ask_after: float, *, at_once: bool) -> None:
        self._began = time.monotonic()
        self._ask_after = ask_after
        self._next_ask = self._began + (0 if at_once else ask_after)
        self._not_before = self._began
        self._next_tell = self._began
        self._tell_after = TELL_AFTER
        self._seen: Progress | None = None
        self._first: Progress | None = None

    def saw(self, progress: Progress) -> None:
        if progress != self._seen and self._seen is not None:
            self._next_ask = time.monotonic() + self._ask_after
        self._seen = progress
        self._first = self._first or progress

    def until_ask(self) -> float:
        return self._next_ask - time.monotonic()

    def time_to_ask(self) -> bool:
        return self.until_ask() <= 0

    def may_ask(self) -> bool:
        return time.monotonic() >= self._not_before

    def asked(self) -> None:
        self._next_ask = time.monotonic() + self._ask_after
        self._not_before = time.monotonic() + OVERDUE_EVERY

    def time_to_tell(self) -> bool:
        return time.monotonic() >= self._next_tell

    def line(self, progress: Progress, foreign: int = 0) -> str:
        self._next_tell = time.monotonic() + self._tell_after
        self._tell_after = min(2 * self._tell_after, TELL_LONGEST)
        minutes = (time.monotonic() - self._began) / 60
        done = 0 if self._first is None else self._first.in_flight - progress.in_flight
        line = str(progress)
        if done > 0 and minutes > 0:
            rate = done / minutes
            line += f", {rate:.0f} a minute"
            if progress.in_flight:
                line += f", about {max(1, round(progress.in_flight / rate))} min left"
        if foreign:
            line += f"; {foreign} messages of others, or unreadable, came from the queue"
        return line
