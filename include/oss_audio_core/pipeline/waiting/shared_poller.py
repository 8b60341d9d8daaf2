"""What all waiters on one event loop share: reads of the catalogue, the queue's drainer, one client of each service.

A hundred shards in one triggerer cost little more than one. Everything that blocks, the database included, runs in a
few threads of the poller's own. Their Python code is kept short: it holds up the event loop.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from contextvars import Context
from dataclasses import dataclass, replace
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from oss_audio_core.catalogue import inbox
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.progress import ShardKey
from oss_audio_core.oss import OssSettings
from oss_audio_core.oss.sdk import AioClient
from oss_audio_core.pipeline.waiting.drain_lease import DrainLease
from oss_audio_core.pipeline.waiting.drainer import Drainer
from oss_audio_core.pipeline.waiting.progress import Progress, read_progress
from oss_audio_core.pipeline.waiting.request_limiter import RequestLimiter
from oss_audio_core.smq import SmqSettings
from oss_audio_core.text.logs import get_logger

P = ParamSpec("P")
T = TypeVar("T")

ReadConnections = Callable[[], Awaitable[tuple[OssSettings, SmqSettings | None]]]
"""Reads the connections as they are now."""

log = get_logger(__name__)

REFRESH_EVERY = 2.0
"""Seconds between two reads of the inbox by a poller that doesn't hold the drain lease."""

MIN_PAUSE = 1.0
"""The fewest seconds between two reads of the catalogue."""

PAUSE_PER_READ = 20
"""The pause between two reads is at least so many times as long as a read: one over a hundred thousand conversions
takes a while."""

GATHER = 0.02
"""Seconds in which waiters that got an answer come back for the next one."""

CONCURRENT_CALLS = 4
"""Calls of a synchronous client at once."""

RECONNECT_EVERY = 60.0
"""The fewest seconds between two reads of the connections while a service refuses the credentials."""

REFUSED_FOR = 900.0
"""Seconds for which the credentials may be refused before a wait is given up: a renewed token may be late."""


@dataclass
class _Waiter:
    shard: ShardKey
    due: float
    answer: asyncio.Future[Progress]


class SharedPoller:
    """One for an event loop, a catalogue and a queue: `async with SharedPoller(…) as poller: …`.

    The caller opens the catalogue, and closes it afterwards.

    Attributes:
        limiter: the pace of requests to OSS and IMM.
        oss: the OSS settings that requests are made with; replaced by `reconnect`.
        smq: the SMQ settings, likewise.
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
        read_connections: ReadConnections | None = None,
        refused_for: float = REFUSED_FOR,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            catalogue: where progress is read and the inbox is.
            oss: OSS and IMM.
            smq: SMQ; None: there are no notifications.
            queue: SMQ queue that gets the notifications; None: there are no notifications.
            long_poll: seconds that one receive waits for a message (SMQ allows 30).
            read_connections: called by `reconnect`; without it the settings never change.
            refused_for: seconds for which OSS or IMM may refuse the credentials before that is an error.
        """
        self.catalogue = catalogue
        self.oss = oss
        self.limiter = RequestLimiter()
        self.tasks = oss.imm()
        self.smq = smq
        self._queue = queue
        self._long_poll = long_poll
        self._stack = AsyncExitStack()
        self._database = ThreadPoolExecutor(1, thread_name_prefix="catalogue")
        self._network = ThreadPoolExecutor(CONCURRENT_CALLS, thread_name_prefix="imm")
        self._drainer: Drainer | None = None
        self._lease: DrainLease | None = None
        self._client: AioClient = None
        self._client_settings: OssSettings | None = None
        self._clients = AsyncExitStack()
        self._read_connections = read_connections
        self._reconnect_from = 0.0
        self._refused_for = refused_for
        self._refused_since: float | None = None
        self._refusal = ""
        self._waiters: list[_Waiter] = []
        self._refresher: asyncio.Task[None] | None = None
        self._refresh_from = 0.0
        self._foreign = 0

    async def __aenter__(self) -> Self:
        """Open what is needed from the start; no request is made yet."""
        self._stack.callback(self._database.shutdown, wait=False)
        self._stack.callback(self._network.shutdown, wait=False, cancel_futures=True)
        self._stack.push_async_callback(self._clients.aclose)
        if self.smq is not None and self._queue:
            self._drainer = Drainer(self.run, self.catalogue, self.smq, self._queue, self._stack)
            self._lease = DrainLease(self.catalogue, self._queue)
            self._stack.push_async_callback(self.run, self._lease.release)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything and release the drain lease, if it is held."""
        if self._refresher is not None:
            self._refresher.cancel()
            await asyncio.wait([self._refresher])
        await self._stack.aclose()

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Use the database, in the one thread for that."""
        return await asyncio.get_running_loop().run_in_executor(self._database, lambda: work(*args, **kwargs))

    async def call(self, request: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a request by a synchronous client, in one of a few threads."""
        return await asyncio.get_running_loop().run_in_executor(self._network, lambda: request(*args, **kwargs))

    async def client(self) -> AioClient:
        """The one asyncio client of OSS, for the holder of the limiter; opened by the first call."""
        if self._client_settings is not self.oss:
            # One round polls at a time, so the client with the former settings is not in use.
            await self._clients.aclose()
            settings = self.oss
            self._client = await self._clients.enter_async_context(settings.open_aio_client())
            self._client_settings = settings
        return self._client

    async def reconnect(self) -> None:
        """Read the connections again: a service refused the credentials, as when an STS token has expired.

        The next requests are made with the new settings. Nothing happens when the connections were read for this within
        the last minute, or can't be read.
        """
        if self._read_connections is None or time.monotonic() < self._reconnect_from:
            return
        self._reconnect_from = time.monotonic() + RECONNECT_EVERY
        try:
            oss, smq = await self._read_connections()
        except Exception as error:  # noqa: BLE001 - the errors of secrets backends share no base; the wait goes on
            log.warning("The connections can't be read again: %s", error)
            return
        if (oss, smq) == (self.oss, self.smq):
            return
        log.info("Continuing with the new settings of %s.", oss.name if smq is None else f"{oss.name} and {smq.name}")
        self.oss, self.smq, self.tasks = oss, smq, oss.imm()
        self._refused_since = None
        if self._drainer is not None and smq is not None:
            self._drainer.use_settings(smq)

    async def on_refused(self, refusal: str) -> bool:
        """Read the connections again after OSS or IMM refused the credentials.

        Args:
            refusal: the sentence for the log.

        Returns:
            Whether the wait goes on. It is given up when the credentials were refused for a quarter of an hour without
            a change of the connection.
        """
        self._refusal = refusal
        if self._refused_since is None:
            self._refused_since = time.monotonic()
        await self.reconnect()
        return self._refused_since is None or time.monotonic() < self._refused_since + self._refused_for

    def on_accepted(self) -> None:
        """OSS or IMM accepted the credentials."""
        self._refused_since, self._refusal = None, ""

    @property
    def has_queue(self) -> bool:
        """Whether messages are expected."""
        return self._drainer is not None

    @property
    def remarks(self) -> list[str]:
        """What belongs into the log besides the progress."""
        remarks = [self._refusal] if self._refusal else []
        if self._foreign:
            remarks.append(f"{self._foreign} messages of others, or unreadable, came from the queue")
        if self._drainer is not None and self._drainer.failure:
            remarks.append(self._drainer.failure)
        return remarks

    async def refresh(self, shard: ShardKey) -> Progress:
        """The progress by what the inbox and the catalogue have now; no service is asked."""
        return (await self.run(refresh, self.catalogue, [shard]))[shard]

    async def drain(self, wait_seconds: int) -> None:
        """Drain the queue, unless another process holds the drain lease."""
        if self._drainer is not None and await self._holds_lease():
            await self._drainer.drain(wait_seconds)

    async def wait_for_update(self, shard: ShardKey, within: float) -> Progress:
        """The progress of a shard at the next common refresh.

        That follows the next message of the queue. Messages that the queue had shortly before are included.

        Args:
            shard: the shard.
            within: seconds after which the refresh takes place without a message.
        """
        answer: asyncio.Future[Progress] = asyncio.get_running_loop().create_future()
        self._waiters.append(_Waiter(shard, time.monotonic() + within, answer))
        if self._refresher is None or self._refresher.done():
            # In a context of its own: it serves all triggers, and its log is the triggerer's.
            self._refresher = asyncio.get_running_loop().create_task(self._refresh_all(), context=Context())
        return await answer

    async def _refresh_all(self) -> None:
        """Drain and refresh as long as there are waiters; an error is raised in each of them."""
        while self._waiters:
            await asyncio.sleep(GATHER)
            error, found = None, {}
            try:
                await self._drain_or_pause()
                await asyncio.sleep(self._refresh_from - time.monotonic())
                began = time.monotonic()
                found = await self.run(self._refresh_shards, {one.shard for one in self._waiters})
                ended = time.monotonic()
                self._refresh_from = ended + max(MIN_PAUSE, PAUSE_PER_READ * (ended - began))
            except Exception as caught:  # noqa: BLE001 - raised in the waiters
                error = caught
            waiters, self._waiters = self._waiters, []
            for one in waiters:
                if one.answer.done():
                    continue  # cancelled
                if error is not None:
                    one.answer.set_exception(error)
                elif one.shard in found:
                    one.answer.set_result(found[one.shard])
                else:
                    self._waiters.append(one)  # added during the refresh
            await asyncio.sleep(GATHER)

    async def _drain_or_pause(self) -> None:
        left = max(0.0, min(one.due for one in self._waiters) - time.monotonic())
        if self._drainer is not None and await self._holds_lease():
            await self._drainer.drain(min(self._long_poll, round(left)))
            if self._drainer.refused:
                await self.reconnect()
        else:
            await asyncio.sleep(min(left, REFRESH_EVERY))

    def _refresh_shards(self, shards: Collection[ShardKey]) -> dict[ShardKey, Progress]:
        if self._drainer is not None:
            self._foreign = self._drainer.count_foreign()
        return refresh(self.catalogue, shards)

    async def _holds_lease(self) -> bool:
        return self._lease is not None and await self.run(self._lease.acquire)


def refresh(catalogue: Catalogue, shards: Collection[ShardKey]) -> dict[ShardKey, Progress]:
    """Apply the inbox's messages to the shards and sum up their progress; not on an event loop."""
    applied = inbox.apply_to_shards(catalogue, shards)
    with catalogue.read() as connection:
        progress = read_progress(connection, shards)
    return {shard: replace(one, said_failed=applied.said_failed[shard]) for shard, one in progress.items()}
