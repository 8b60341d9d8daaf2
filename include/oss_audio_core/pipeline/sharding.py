"""How a batch is cut into shards: few enough to map over, large enough to be worth a task."""

from __future__ import annotations

MAX_SHARDS = 64
"""A run maps over at most this many shards, whatever the number of files."""

MIN_SHARD = 1000
"""Below this a shard isn't worth a task instance of its own."""


def shard_size(wanted: int) -> int:
    """How many conversions go into each shard of a batch that wants so many."""
    return max(MIN_SHARD, -(-wanted // MAX_SHARDS))
