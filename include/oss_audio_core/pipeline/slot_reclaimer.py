"""Finding out what has ended while a submitter waits for a free slot.

The sensors of a run begin when all its shards are submitted. Where slots are few, the conversions that hold them end
before that, and those of a run that died have no sensor at all: nobody else would notice.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from datetime import timedelta
from functools import partial

from oss_audio_core.catalogue import inbox, leases, slots
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.shared_poller import SharedPoller
from oss_audio_core.pipeline.status_poller import StatusPoller
from oss_audio_core.pipeline.waiting import ASK_AFTER
from oss_audio_core.smq import SmqSettings

ASK_EVERY = 5.0
"""Seconds between two rounds of asking about one endpoint, of all who wait for its slots together."""

LONGEST_ROUND = 60.0
"""A round that takes longer than this, in seconds, is over for the others: who asked may have died."""


class SlotReclaimer:
    """Takes a look at all that was submitted to an endpoint, by whichever run.

    At the queue each time; at the service when the queue told nothing for a while or, where there is none, every few
    seconds. Of all who wait for slots of the endpoint, in any process, one asks at a time, and together they keep to
    the pace of one lookout.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        oss: OssSettings,
        smq: SmqSettings | None,
        queue: str | None,
        *,
        ask_after: float = ASK_AFTER,
    ) -> None:
        """Prepare; nothing is opened yet.

        Args:
            ask_after: seconds without news from the queue after which the service itself is asked.
        """
        self._catalogue = catalogue
        self._oss = oss
        self._smq = smq
        self._queue = queue
        self._ask_after = ask_after if smq is not None and queue else 0.0
        self._ask_from = time.monotonic() + self._ask_after
        self._asked: Counter[int] = Counter()

    def __call__(self) -> None:
        """Look once; not on an event loop.

        Raises:
            OssUnavailable: OSS or IMM refuses who we are, as it does when an STS token has expired. The submitter waits
                with nothing under way, and his next try reads the connection anew.
        """
        asyncio.run(self._look())

    async def _look(self) -> None:
        async with SharedPoller(self._catalogue, self._oss, self._smq, self._queue, refused_for=0.0) as lookout:
            await lookout.drain(1)
            moved = await lookout.run(inbox.apply_to_endpoint, self._catalogue, self._oss.endpoint)
            owner = secrets.token_hex(8)
            if not moved:
                if time.monotonic() < self._ask_from or not await lookout.run(self._may_ask, owner, LONGEST_ROUND):
                    return
                await StatusPoller(lookout, partial(slots.submitted, endpoint=self._oss.endpoint), self._asked).ask()
                await lookout.run(self._may_ask, owner, max(ASK_EVERY, lookout.turn.rest))
            self._ask_from = time.monotonic() + self._ask_after

    def _may_ask(self, owner: str, seconds: float) -> bool:
        """Keep everybody else from asking for so long, unless somebody does so already."""
        with self._catalogue.write() as connection:
            return leases.acquire(connection, f"ask {self._oss.endpoint}", owner, timedelta(seconds=seconds))
