"""The counts of conversions by state, polled in the background: an injection never waits for a stopped database."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from oss_audio_core.catalogue import State
from tools.chaos.catalogue_view import CatalogueView

POLL_SECONDS = 0.15
STALE_SECONDS = 3.0
"""After so long the last answer no longer describes the present."""


class StateWatch:
    """The counts by state as they were a moment ago."""

    def __init__(self, view: CatalogueView) -> None:
        self._view = view
        self._over = Event()
        self._seen: tuple[float, Counter[State]] | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Poll until the block ends."""
        thread = Thread(target=self._watch, name="states", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def states(self) -> Counter[State] | None:
        """The counts; None while the database doesn't answer."""
        seen = self._seen
        return seen[1] if seen is not None and time.monotonic() - seen[0] < STALE_SECONDS else None

    def _watch(self) -> None:
        while not self._over.wait(POLL_SECONDS):
            began, states = time.monotonic(), self._view.states()
            if states is not None:
                self._seen = (began, states)
