"""The cloud's clock: the machine's, ahead or behind by an offset."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class CloudClock:
    """Seconds since the epoch as all services see them; `offset` (seconds) may be changed while they run."""

    def __init__(self) -> None:
        self.offset = 0.0

    def __call__(self) -> float:
        """Seconds since the epoch."""
        return time.time() + self.offset

    def now(self) -> datetime:
        """The same as an aware time in UTC."""
        return datetime.fromtimestamp(self(), UTC)
