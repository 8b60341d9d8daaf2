"""How a batch is cut into shards: few enough to map over, small enough for workers to share, worth a task each."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

MAX_SHARDS = 64
"""A run maps over at most this many shards, whatever the number of files."""


@dataclass(frozen=True)
class ShardLimits:
    """How large a shard may be, as far as `MAX_SHARDS` suffice for that.

    A shard costs Airflow about two seconds of CPU in its four tasks. A minute of output costs verification up to half
    a second by full decode, and 3 ms of everything else a conversion.

    Attributes:
        conversions: most conversions of a shard, at least 1.
        minutes: about so many minutes of output in a shard, above 0.
    """

    conversions: int = 1000
    minutes: float = 240.0

    def size(self, wanted: int, minutes: float) -> int:
        """How many conversions go into each shard of a batch.

        Args:
            wanted: conversions of the batch.
            minutes: of output in all of them, measured or guessed.

        Returns:
            At least 1. The renditions of a source stay together, which may add some to a shard.
        """
        shards = max(ceil(wanted / self.conversions), ceil(minutes / self.minutes))
        return max(1, ceil(wanted / min(max(shards, 1), MAX_SHARDS)))


DEFAULT_LIMITS = ShardLimits()
