"""Which conversions stand where, looked up all the time, so that nobody waits for a database that was stopped."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

from oss_audio_core.catalogue import State
from tools.chaos.catalogue_view import CatalogueView

LOOK_EVERY = 0.15
STALE = 3.0
"""Seconds after which the last answer no longer tells what is."""


class StateWatch:
    """The counts by state as they were a moment ago."""

    def __init__(self, view: CatalogueView) -> None:
        self._view = view
        self._over = Event()
        self._seen: tuple[float, Counter[State]] | None = None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look until the block ends."""
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
        return seen[1] if seen is not None and time.monotonic() - seen[0] < STALE else None

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            began, states = time.monotonic(), self._view.states()
            if states is not None:
                self._seen = (began, states)
