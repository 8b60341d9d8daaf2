"""Waiting in a triggerer: triggers that name the same connections and the same queue share one poller."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakKeyDictionary

from oss_audio.hooks.catalogue import CatalogueHook
from oss_audio.hooks.oss import OSSAudioHook
from oss_audio.hooks.smq import SMQHook
from oss_audio_core.catalogue import Catalogue, NoSuchBatch, batches, open_catalogue
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.waiting.progress import Progress
from oss_audio_core.pipeline.waiting.shard_waiter import ShardWaiter
from oss_audio_core.pipeline.waiting.shared_poller import SharedPoller
from oss_audio_core.smq import SmqSettings

if TYPE_CHECKING:
    from sqlalchemy import URL

CACHE_FOR = 60.0
"""Seconds for which connections that were read are not read again: a hundred triggers may start at once."""


class PollerKey(NamedTuple):
    """What triggers that share a poller have in common: connection ids and a queue; None: no messages."""

    oss: str
    smq: str | None
    catalogue: str
    queue: str | None


class _Settings(NamedTuple):
    oss: OssSettings
    smq: SmqSettings | None
    catalogue: URL


@dataclass
class _CountedPoller:
    """A poller and the number of triggers that use it; the last one closes it."""

    poller: SharedPoller
    catalogue: URL
    read_at: float
    refcount: int = 0

    @property
    def settings(self) -> _Settings:
        """The poller's present settings: it may have read its connections again."""
        return _Settings(self.poller.oss, self.poller.smq, self.catalogue)


@dataclass
class _LoopPollers:
    """The pollers of one event loop. A trigger that starts after a connection was changed gets a new one."""

    newest: dict[PollerKey, _CountedPoller] = field(default_factory=dict)
    locks: defaultdict[PollerKey, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))


_POLLERS: WeakKeyDictionary[asyncio.AbstractEventLoop, _LoopPollers] = WeakKeyDictionary()


@asynccontextmanager
async def shared_poller(key: PollerKey) -> AsyncIterator[SharedPoller]:
    """The poller of a key, opened for the first trigger that needs it and closed after the last.

    Args:
        key: connection ids and queue.

    Yields:
        The poller.

    Raises:
        AirflowFailException: a connection is missing or wrong.
        CatalogueError: the catalogue can't be opened.
    """
    pollers = _POLLERS.setdefault(asyncio.get_running_loop(), _LoopPollers())
    async with pollers.locks[key]:
        counted = await _open(pollers, key)
        counted.refcount += 1
    try:
        yield counted.poller
    finally:
        counted.refcount -= 1
        if not counted.refcount:
            if pollers.newest.get(key) is counted:
                del pollers.newest[key]
            await _close(counted.poller)


async def wait_for_shard(
    key: PollerKey,
    batch: int,
    uid: str,
    shard: int,
    *,
    until: datetime,
    ask_after: float,
    log_line: Callable[[str], None],
) -> Progress | None:
    """Wait until nothing of a shard is in flight, or until the end of the wait.

    Args:
        key: connection ids and queue.
        batch: id of the batch.
        uid: its uid.
        shard: number of the shard.
        until: absolute end of the wait.
        ask_after: seconds without progress after which OSS and IMM are polled.
        log_line: gets a line of progress now and then.

    Returns:
        None when the catalogue was replaced, or has the batch no longer: then nothing of it is in flight, or another
        batch has its id.
    """
    async with shared_poller(key) as poller:
        if not await poller.run(_has_batch, poller.catalogue, batch, uid):
            return None
        waiter = ShardWaiter(poller, (batch, shard), until=until, ask_after=ask_after, log_line=log_line)
        progress = await waiter.wait()
        # The catalogue may have been replaced during the wait.
        return progress if await poller.run(_has_batch, poller.catalogue, batch, uid) else None


def _has_batch(catalogue: Catalogue, batch: int, uid: str) -> bool:
    try:
        with catalogue.read() as connection:
            batches.get_batch(connection, batch, uid)
    except NoSuchBatch:
        return False
    return True


async def _open(pollers: _LoopPollers, key: PollerKey) -> _CountedPoller:
    counted = pollers.newest.get(key)
    if counted is not None and time.monotonic() - counted.read_at < CACHE_FOR:
        return counted
    settings = await _read(key)
    # In the meantime its last trigger may have ended and closed it.
    if counted is None or not counted.refcount or counted.settings != settings:
        catalogue = await asyncio.to_thread(open_catalogue, settings.catalogue)
        read_connections = partial(_read_services, key)
        poller = SharedPoller(catalogue, settings.oss, settings.smq, key.queue, read_connections=read_connections)
        counted = pollers.newest[key] = _CountedPoller(await poller.__aenter__(), settings.catalogue, 0.0)
    counted.read_at = time.monotonic()
    return counted


async def _read(key: PollerKey) -> _Settings:
    oss, smq = await _read_services(key)
    return _Settings(oss, smq, await CatalogueHook(key.catalogue).aurl())


async def _read_services(key: PollerKey) -> tuple[OssSettings, SmqSettings | None]:
    oss = await OSSAudioHook(key.oss).asettings()
    return oss, await SMQHook(key.smq).asettings() if key.smq and key.queue else None


async def _close(poller: SharedPoller) -> None:
    try:
        await poller.__aexit__(None, None, None)
    finally:
        await asyncio.to_thread(poller.catalogue.close)
