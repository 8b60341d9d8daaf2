"""What all who wait on one event loop share: one look at the catalogue, one drainer, one client of each service.

A hundred shards in one triggerer cost little more than one so. Everything that blocks, the database included, runs in a
few threads of the lookout's own; what they do in Python is little, for the event loop has to wait for it.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import Context
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from oss_audio_core.catalogue import inbox, leases
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.errors import CatalogueUnavailable
from oss_audio_core.catalogue.progress import ShardKey
from oss_audio_core.oss import OssSettings
from oss_audio_core.oss.sdk import AioClient
from oss_audio_core.pipeline.draining import Drainer
from oss_audio_core.pipeline.progress import Progress, read_progress
from oss_audio_core.smq import SmqSettings

P = ParamSpec("P")
T = TypeVar("T")

ReadAnew = Callable[[], Awaitable[tuple[OssSettings, SmqSettings | None]]]
"""Reads the connections as they stand now."""

log = logging.getLogger(__name__)

DRAIN_TERM = timedelta(seconds=30)
"""How long the role of draining a queue is held without being renewed."""

LOOK_EVERY = 2.0
"""Who doesn't drain the queue itself looks into the inbox this often, in seconds."""

LEAST_REST, REST_PER_LOOK = 1.0, 20
"""Between two looks there are at least so many seconds; and as a look at a hundred thousand conversions takes a while,
at least so many times as long as the look took."""

GATHER = 0.02
"""Seconds in which those who have got an answer come back for the next one."""

CALLS_AT_ONCE = 4
"""Calls of a synchronous client at once."""

REQUESTS_A_SECOND = 10.0
"""Requests a second, LIST and GetTask together, that all rounds of asking may come to."""

RENEW_EVERY = 60.0
"""While services refuse the credentials, the connections are read anew no more often than this, in seconds."""

REFUSED_FOR = 900.0
"""So long, in seconds, a refused connection may stay as it is before a wait is given up: who renews tokens may be late.
"""


class Turn:
    """Lets one round of asking through at a time, first come, first served, at a pace for all together."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._free_at = 0.0
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return self._waiting

    @property
    def rest(self) -> float:
        """Seconds until the next turn may begin."""
        return max(0.0, self._free_at - time.monotonic())

    @asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for the turn, and have it until the block ends."""
        self._waiting += 1
        try:
            await self._lock.acquire()
        finally:
            self._waiting -= 1
        try:
            await asyncio.sleep(self.rest)
            yield
        finally:
            self._lock.release()

    def spend(self, requests: int) -> None:
        """Count requests that are about to be made: the next turn waits as long as they may take at the pace."""
        self._free_at = max(self._free_at, time.monotonic()) + requests / REQUESTS_A_SECOND


@dataclass
class _Waiting:
    shard: ShardKey
    due: float
    answer: asyncio.Future[Progress]


class SharedPoller:
    """One for an event loop, a catalogue and a queue: `async with SharedPoller(…) as lookout: …`.

    The catalogue is the caller's: he closes it afterwards.

    Attributes:
        turn: who may ask the service now.
        oss, smq: the settings that requests are made with; others after `renew`.
        tasks: IMM, for `call`.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        oss: OssSettings,
        smq: SmqSettings | None = None,
        queue: str | None = None,
        *,
        long_poll: int = 10,
        read_anew: ReadAnew | None = None,
        refused_for: float = REFUSED_FOR,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            queue: SMQ queue that gets the completion messages; without it, or without SMQ, there are none.
            long_poll: seconds that one receive waits for a message (SMQ allows 30).
            read_anew: what `renew` asks; without it the settings are for life.
            refused_for: seconds for which OSS or IMM may refuse who we are before that is an error.
        """
        self.catalogue = catalogue
        self.oss = oss
        self.turn = Turn()
        self.tasks = oss.imm()
        self.smq = smq
        self._queue = queue
        self._long_poll = long_poll
        self._owner = secrets.token_hex(8)
        self._stack = AsyncExitStack()
        self._database = ThreadPoolExecutor(1, thread_name_prefix="catalogue")
        self._network = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="imm")
        self._drainer: Drainer | None = None
        self._client: AioClient = None
        self._client_is_of: OssSettings | None = None
        self._clients = AsyncExitStack()
        self._read_anew = read_anew
        self._renew_from = 0.0
        self._refused_for = refused_for
        self._refused_from: float | None = None
        self._trouble = ""
        self._waiting: list[_Waiting] = []
        self._watch: asyncio.Task[None] | None = None
        self._look_from = 0.0
        self._foreign = 0

    async def __aenter__(self) -> Self:
        """Open what is needed from the start: nothing is asked for yet."""
        self._stack.callback(self._database.shutdown, wait=False)
        self._stack.callback(self._network.shutdown, wait=False, cancel_futures=True)
        self._stack.push_async_callback(self._clients.aclose)
        if self.smq is not None and self._queue:
            self._drainer = Drainer(self.run, self.catalogue, self.smq, self._queue, self._stack)
            self._stack.push_async_callback(self.run, self._give_back)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything and give the role back, if it is held."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        await self._stack.aclose()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do something with the database, in the one thread for that."""
        return await asyncio.get_running_loop().run_in_executor(self._database, lambda: work(*args, **kwargs))

    async def call(self, request: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a request by a synchronous client, in one of a few threads."""
        return await asyncio.get_running_loop().run_in_executor(self._network, lambda: request(*args, **kwargs))

    async def client(self) -> AioClient:
        """The one asyncio client of OSS, for whoever has the turn; opened when it is first asked for."""
        if self._client_is_of is not self.oss:
            # Nobody else has the turn, so nobody uses the one with the settings of before.
            await self._clients.aclose()
            settings = self.oss
            self._client = await self._clients.enter_async_context(settings.open_aio_client())
            self._client_is_of = settings
        return self._client

    async def renew(self) -> None:
        """A service refused who we are, as it does when an STS token has expired: read the connections anew.

        The next requests are made with what they say now. Nothing is read, and nothing changes, when they were read for
        this within the last minute, or can't be read.
        """
        if self._read_anew is None or time.monotonic() < self._renew_from:
            return
        self._renew_from = time.monotonic() + RENEW_EVERY
        try:
            oss, smq = await self._read_anew()
        except Exception as error:  # noqa: BLE001 - whatever a backend of secrets raises; the wait goes on
            log.warning("The connections can't be read anew: %s", error)
            return
        if (oss, smq) == (self.oss, self.smq):
            return
        log.info("Going on with what %s says now.", oss.name if smq is None else f"{oss.name} and {smq.name}")
        self.oss, self.smq, self.tasks = oss, smq, oss.imm()
        self._refused_from = None
        if self._drainer is not None and smq is not None:
            self._drainer.go_on_with(smq)

    async def refused(self, trouble: str) -> bool:
        """OSS or IMM refused who we are, in these words. Reads the connections anew, and tells whether to wait on.

        It is given up when nobody put other credentials into the connection for a quarter of an hour.
        """
        self._trouble = trouble
        if self._refused_from is None:
            self._refused_from = time.monotonic()
        await self.renew()
        return self._refused_from is None or time.monotonic() < self._refused_from + self._refused_for

    def accepted(self) -> None:
        """OSS or IMM took the credentials."""
        self._refused_from, self._trouble = None, ""

    @property
    def has_queue(self) -> bool:
        """Whether messages are expected."""
        return self._drainer is not None

    @property
    def remarks(self) -> list[str]:
        """What a reader of the log should know besides the progress."""
        remarks = [self._trouble] if self._trouble else []
        if self._foreign:
            remarks.append(f"{self._foreign} messages of others, or unreadable, came from the queue")
        if self._drainer is not None and self._drainer.trouble:
            remarks.append(self._drainer.trouble)
        return remarks

    async def look(self, shard: ShardKey) -> Progress:
        """What the inbox and the catalogue know now; asks nobody."""
        return (await self.run(look, self.catalogue, [shard]))[shard]

    async def drain(self, wait_seconds: int) -> None:
        """Take what the queue has, unless somebody else is at it."""
        if self._drainer is not None and await self.run(self._take_role):
            await self._drainer.drain(wait_seconds)

    async def news(self, shard: ShardKey, within: float) -> Progress:
        """The progress of a shard at the next common look, which comes with news and in any case after a while.

        What was in the queue shortly before is in it.

        Args:
            within: seconds after which the look is wanted without news.
        """
        answer: asyncio.Future[Progress] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(shard, time.monotonic() + within, answer))
        if self._watch is None or self._watch.done():
            # In no context of anybody's: it serves them all, and its log is the triggerer's own.
            self._watch = asyncio.get_running_loop().create_task(self._watch_for_all(), context=Context())
        return await answer

    async def _watch_for_all(self) -> None:
        """Drain and look as long as anybody waits; an error is everybody's who waits then."""
        while self._waiting:
            await asyncio.sleep(GATHER)
            error, seen = None, {}
            try:
                await self._drain_or_pause()
                await asyncio.sleep(self._look_from - time.monotonic())
                began = time.monotonic()
                seen = await self.run(self._look_for_all, {one.shard for one in self._waiting})
                ended = time.monotonic()
                self._look_from = ended + max(LEAST_REST, REST_PER_LOOK * (ended - began))
            except Exception as caught:  # noqa: BLE001 - raised where somebody waits for the answer
                error = caught
            waiting, self._waiting = self._waiting, []
            for one in waiting:
                if one.answer.done():
                    continue  # he doesn't wait any more
                if error is not None:
                    one.answer.set_exception(error)
                elif one.shard in seen:
                    one.answer.set_result(seen[one.shard])
                else:
                    self._waiting.append(one)  # came during the look
            await asyncio.sleep(GATHER)

    async def _drain_or_pause(self) -> None:
        left = max(0.0, min(one.due for one in self._waiting) - time.monotonic())
        if self._drainer is not None and await self.run(self._take_role):
            await self._drainer.drain(min(self._long_poll, round(left)))
            if self._drainer.refused:
                await self.renew()
        else:
            await asyncio.sleep(min(left, LOOK_EVERY))

    def _look_for_all(self, shards: Collection[ShardKey]) -> dict[ShardKey, Progress]:
        if self._drainer is not None:
            self._foreign = self._drainer.count_foreign()
        return look(self.catalogue, shards)

    def _take_role(self) -> bool:
        with self.catalogue.write() as connection:
            return leases.acquire(connection, f"drain {self._queue}", self._owner, DRAIN_TERM)

    def _give_back(self) -> None:
        try:
            with self.catalogue.write() as connection:
                leases.release(connection, f"drain {self._queue}", self._owner)
        except CatalogueUnavailable as error:
            # It ends by itself; and who closes this, with his wait's end in his hands, must not lose it over that.
            log.warning("The role of draining %s is not given back, it ends by itself: %s", self._queue, error)


def look(catalogue: Catalogue, shards: Collection[ShardKey]) -> dict[ShardKey, Progress]:
    """Let the inbox's news reach the shards, and sum them up; not on an event loop."""
    inbox.apply_to_shards(catalogue, shards)
    with catalogue.read() as connection:
        return read_progress(connection, shards)
