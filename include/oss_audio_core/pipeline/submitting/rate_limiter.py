"""How fast requests may go out: the pace halves when the service throttles, and recovers."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

LONGEST_PAUSE = 30.0
"""The slowest pace: one request in so many seconds."""

SHORTEST_PAUSE = 1.0
"""Shortest pause after the service throttled, in seconds."""

RECOVERY = 30.0
"""Seconds without another throttled request after which the pace has doubled."""

WINDOW = 10.0
"""Seconds over which the pace that went too fast is measured."""


class AdaptiveRateLimiter:
    """The pace of one sender's requests. Not for several threads.

    Unlimited, or at a ceiling, until the first throttled request. That halves the measured pace of the last seconds.
    Throttled requests that were sent before the last halving are ignored.
    """

    def __init__(self, ceiling: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Start at the ceiling, in requests a second; None: as fast as they come."""
        self._ceiling = ceiling
        self._clock = clock
        self._per_second = ceiling
        self._sent: deque[float] = deque()
        self._next = self._cut_at = self._grown_at = clock()
        self._began = self._next

    @property
    def per_second(self) -> float | None:
        """The pace, requests a second; None: unlimited."""
        return self._per_second

    def wait(self) -> float:
        """Seconds until the next request may go out; 0 or less: now."""
        return self._next - self._clock()

    def allowed(self, wanted: int) -> int:
        """How many of the wanted requests may go out now; they count as sent."""
        at = self._clock()
        if self._next > at:
            return 0
        if self._per_second is not None and wanted:
            wanted = 1
            self._next = at + 1 / self._per_second
        while self._sent and self._sent[0] < at - WINDOW:
            self._sent.popleft()
        self._sent.extend([at] * wanted)
        return wanted

    def on_throttled(self, sent_at: float) -> bool:
        """The service throttled a request.

        Args:
            sent_at: when the request was sent, monotonic.

        Returns:
            Whether the pace was halved.
        """
        if sent_at < self._cut_at:
            return False
        at = self._clock()
        lately = len(self._sent) / max(SHORTEST_PAUSE, at - max(self._began, at - WINDOW))
        pace = lately if self._per_second is None else min(self._per_second, lately)
        self._per_second = max(pace / 2, 1 / LONGEST_PAUSE)
        self._next = at + min(LONGEST_PAUSE, max(SHORTEST_PAUSE, 1 / self._per_second))
        self._cut_at = self._grown_at = at
        return True

    def on_success(self) -> None:
        """The service accepted a request: the pace grows with the time since it was last throttled."""
        if self._per_second is None or self._per_second == self._ceiling:
            return
        at = self._clock()
        self._per_second *= 2 ** ((at - self._grown_at) / RECOVERY)
        self._grown_at = at
        if self._ceiling is not None:
            self._per_second = min(self._per_second, self._ceiling)
