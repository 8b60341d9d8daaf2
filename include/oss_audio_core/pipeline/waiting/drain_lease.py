"""The drain lease: of all processes that wait on one queue, the holder of its lease drains it."""

from __future__ import annotations

import secrets
from datetime import timedelta

from oss_audio_core.catalogue import leases
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.errors import CatalogueUnavailable
from oss_audio_core.text.logs import get_logger

log = get_logger(__name__)

DRAIN_TERM = timedelta(seconds=30)
"""How long the drain lease is held without a renewal."""


class DrainLease:
    """One process's share in the drain lease of a queue. Its methods block: not for an event loop."""

    def __init__(self, catalogue: Catalogue, queue: str) -> None:
        """Prepare; the lease is not acquired yet."""
        self._catalogue = catalogue
        self._queue = queue
        self._name = f"drain {queue}"
        self._owner = secrets.token_hex(8)

    def acquire(self) -> bool:
        """Acquire or renew the lease.

        Returns:
            Whether it is held for the next DRAIN_TERM.
        """
        with self._catalogue.write() as connection:
            return leases.acquire(connection, self._name, self._owner, DRAIN_TERM)

    def release(self) -> None:
        """Release the lease if it is held. While the catalogue is away it is left to expire."""
        try:
            with self._catalogue.write() as connection:
                leases.release(connection, self._name, self._owner)
        except CatalogueUnavailable as error:
            # A wait that has ended must not fail over this.
            log.warning("The drain lease of %s is not released, it expires by itself: %s", self._queue, error)
