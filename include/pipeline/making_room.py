"""Finding out what has ended while a submitter waits for a free slot.

The sensors of a run begin when all its shards are submitted. Where slots are few, the conversions that hold them end
before that, and nobody else of this run would notice.
"""

from __future__ import annotations

import time

from include.catalogue.database import Catalogue
from include.oss import OssSettings
from include.smq import SmqSettings

from .waiting import ASK_AFTER, poke


class RoomMaker:
    """Takes a look at all conversions of a batch: at the queue each time, at the service when nothing moves."""

    def __init__(
        self,
        catalogue: Catalogue,
        oss: OssSettings,
        smq: SmqSettings | None,
        queue: str | None,
        batch_id: int,
        *,
        ask_after: float = ASK_AFTER,
    ) -> None:
        self._catalogue = catalogue
        self._oss = oss
        self._smq = smq
        self._queue = queue
        self._batch_id = batch_id
        self._ask_after = ask_after
        self._in_flight = -1
        self._moved_at = 0.0 if smq is None or not queue else time.monotonic()

    def __call__(self) -> None:
        """Look once; not on an event loop."""
        late = time.monotonic() - self._moved_at > self._ask_after
        progress = poke(self._catalogue, self._oss, self._smq, self._queue, (self._batch_id, None), ask=late)
        if progress.in_flight != self._in_flight or late:
            self._in_flight, self._moved_at = progress.in_flight, time.monotonic()
