"""Finding conversions that have ended while a submitter waits for a free slot.

The sensors of a run start when all its shards are submitted. Where slots are few, the conversions that hold them end
before that, and those of a run that died have no sensor at all.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import Counter
from datetime import timedelta

from oss_audio_core.catalogue import inbox, leases
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.waiting.shard_waiter import ASK_AFTER
from oss_audio_core.pipeline.waiting.shared_poller import SharedPoller
from oss_audio_core.pipeline.waiting.status_poller import StatusPoller, submitted_to
from oss_audio_core.smq import SmqSettings

POLL_EVERY = 5.0
"""Seconds between two polling rounds for one endpoint, over all processes that wait for its slots."""

MAX_ROUND = 60.0
"""Seconds after which a polling round of another process no longer counts: that process may have died."""


class SlotReclaimer:
    """Reclaims the slots of an endpoint whose conversions have ended, of whichever run.

    The queue is drained each time. OSS and IMM are polled when the queue brought nothing for a while or, without a
    queue, every few seconds. Of all processes that wait for slots of the endpoint one polls at a time, and together
    they keep to the pace of one shared poller.
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
            catalogue: where slots are counted.
            oss: OSS and IMM; its endpoint is what slots are of.
            smq: SMQ; None: there are no notifications.
            queue: SMQ queue of the notifications; None: there are no notifications.
            ask_after: seconds without a message after which OSS and IMM are polled.
        """
        self._catalogue = catalogue
        self._oss = oss
        self._smq = smq
        self._queue = queue
        self._ask_after = ask_after if smq is not None and queue else 0.0
        self._poll_from = time.monotonic() + self._ask_after
        self._polled: Counter[int] = Counter()

    def reclaim_slots(self) -> None:
        """Record conversions that have ended; not on an event loop.

        Raises:
            OssUnavailable: OSS or IMM refuses the credentials, as when an STS token has expired. The submitter has
                nothing under way, and its next try reads the connection again.
        """
        asyncio.run(self._reclaim())

    async def _reclaim(self) -> None:
        async with SharedPoller(self._catalogue, self._oss, self._smq, self._queue, refused_for=0.0) as poller:
            await poller.drain(1)
            applied = await poller.run(inbox.apply_to_endpoint, self._catalogue, self._oss.endpoint)
            owner = secrets.token_hex(8)
            if not applied.moved:
                is_due = time.monotonic() >= self._poll_from
                if not (is_due or applied.said_failed) or not await poller.run(self._may_poll, owner, MAX_ROUND):
                    return
                status_poller = StatusPoller(poller, submitted_to(self._oss.endpoint), self._polled)
                await (status_poller.poll() if is_due else status_poller.confirm_failures())
                await poller.run(self._may_poll, owner, max(POLL_EVERY, poller.limiter.seconds_until_free))
                if not is_due:
                    return
            self._poll_from = time.monotonic() + self._ask_after

    def _may_poll(self, owner: str, seconds: float) -> bool:
        """Keep other processes from polling for so long, unless one of them polls already."""
        with self._catalogue.write() as connection:
            # The name is stored: processes of an earlier version use the same lease.
            return leases.acquire(connection, f"ask {self._oss.endpoint}", owner, timedelta(seconds=seconds))
