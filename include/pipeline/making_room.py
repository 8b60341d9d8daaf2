"""Finding out what has ended while a submitter waits for a free slot.

The sensors of a run begin when all its shards are submitted. Where slots are few, the conversions that hold them end
before that, and nobody else of this run would notice.
"""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from include.catalogue.database import Catalogue, now
from include.oss import OssSettings
from include.smq import SmqSettings

from .waiting import ShardWaiter, WaitOptions

#: Enough for one receive; the waiter's own end doesn't matter here.
_A_LOOK = timedelta(minutes=5)


class RoomMaker:
    """Takes a look at all conversions of a batch: at the queue each time, at the service when nothing moves."""

    def __init__(
        self, catalogue: Catalogue, oss: OssSettings, smq: SmqSettings | None, batch_id: int, options: WaitOptions
    ) -> None:
        self._catalogue = catalogue
        self._oss = oss
        self._smq = smq
        self._batch_id = batch_id
        self._options = options
        self._in_flight = -1
        self._moved_at = 0.0 if smq is None or not options.queue else time.monotonic()

    def __call__(self) -> None:
        """Look once; not on an event loop."""
        late = time.monotonic() - self._moved_at > self._options.ask_after
        until = now() + _A_LOOK
        waiter = ShardWaiter(self._catalogue, self._oss, self._smq, self._batch_id, None, self._options, until=until)
        progress = asyncio.run(waiter.poke(ask=late))
        if progress.in_flight != self._in_flight or late:
            self._in_flight, self._moved_at = progress.in_flight, time.monotonic()
