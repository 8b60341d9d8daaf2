"""Waiting in a triggerer: triggers that name the same connections and the same queue share one lookout."""

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
from oss_audio_core.pipeline.progress import Progress
from oss_audio_core.pipeline.shared_poller import SharedPoller
from oss_audio_core.pipeline.waiting import ShardWaiter
from oss_audio_core.smq import SmqSettings

if TYPE_CHECKING:
    from sqlalchemy import URL

REMEMBERED = 60.0
"""Seconds for which connections that were read are not read again: a hundred triggers may start at once."""


class Place(NamedTuple):
    """What a trigger names: connection ids and a queue; None: no messages."""

    oss: str
    smq: str | None
    catalogue: str
    queue: str | None


class _Settings(NamedTuple):
    oss: OssSettings
    smq: SmqSettings | None
    catalogue: URL


@dataclass
class _Post:
    """A lookout and how many triggers use it; the last one closes it."""

    lookout: SharedPoller
    catalogue: URL
    read_at: float
    guests: int = 0

    @property
    def settings(self) -> _Settings:
        """What it works with now: it may have read its connections anew."""
        return _Settings(self.lookout.oss, self.lookout.smq, self.catalogue)


@dataclass
class _Posts:
    """Those of one event loop. A trigger that starts after a connection was changed gets one of its own."""

    newest: dict[Place, _Post] = field(default_factory=dict)
    locks: defaultdict[Place, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))


_POSTS: WeakKeyDictionary[asyncio.AbstractEventLoop, _Posts] = WeakKeyDictionary()


@asynccontextmanager
async def shared_lookout(place: Place) -> AsyncIterator[SharedPoller]:
    """The lookout of a place, opened for the first trigger that needs it and closed after the last.

    Raises AirflowFailException for a missing or wrong connection, CatalogueError when the catalogue can't be opened.
    """
    posts = _POSTS.setdefault(asyncio.get_running_loop(), _Posts())
    async with posts.locks[place]:
        post = await _post(posts, place)
        post.guests += 1
    try:
        yield post.lookout
    finally:
        post.guests -= 1
        if not post.guests:
            if posts.newest.get(place) is post:
                del posts.newest[place]
            await _close(post.lookout)


async def wait_for_shard(
    place: Place, batch: int, uid: str, shard: int, *, until: datetime, ask_after: float, tell: Callable[[str], None]
) -> Progress | None:
    """Wait until nothing of a shard is in flight, or until the end of the wait.

    Returns:
        None when the catalogue was replaced, or has the batch no longer: nothing of it is in flight then, or another
        batch's conversions are.
    """
    async with shared_lookout(place) as lookout:
        if not await lookout.run(_knows, lookout.catalogue, batch, uid):
            return None
        progress = await ShardWaiter(lookout, (batch, shard), until=until, ask_after=ask_after, tell=tell).wait()
        # That may have happened in the meantime.
        return progress if await lookout.run(_knows, lookout.catalogue, batch, uid) else None


def _knows(catalogue: Catalogue, batch: int, uid: str) -> bool:
    try:
        with catalogue.read() as connection:
            batches.get_batch(connection, batch, uid)
    except NoSuchBatch:
        return False
    return True


async def _post(posts: _Posts, place: Place) -> _Post:
    post = posts.newest.get(place)
    if post is not None and time.monotonic() - post.read_at < REMEMBERED:
        return post
    settings = await _read(place)
    # Meanwhile its last guest may have left and closed it.
    if post is None or not post.guests or post.settings != settings:
        catalogue = await asyncio.to_thread(open_catalogue, settings.catalogue)
        read_anew = partial(_read_services, place)
        lookout = SharedPoller(catalogue, settings.oss, settings.smq, place.queue, read_anew=read_anew)
        post = posts.newest[place] = _Post(await lookout.__aenter__(), settings.catalogue, 0.0)
    post.read_at = time.monotonic()
    return post


async def _read(place: Place) -> _Settings:
    oss, smq = await _read_services(place)
    return _Settings(oss, smq, await CatalogueHook(place.catalogue).aurl())


async def _read_services(place: Place) -> tuple[OssSettings, SmqSettings | None]:
    oss = await OSSAudioHook(place.oss).asettings()
    return oss, await SMQHook(place.smq).asettings() if place.smq and place.queue else None


async def _close(lookout: SharedPoller) -> None:
    try:
        await lookout.__aexit__(None, None, None)
    finally:
        await asyncio.to_thread(lookout.catalogue.close)
