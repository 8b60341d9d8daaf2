"""A batch has few shards, and none that is too small to be worth a task."""

from __future__ import annotations

import pytest

from oss_audio_core.pipeline.sharding import MAX_SHARDS, MIN_SHARD, shard_size


@pytest.mark.parametrize(
    ("wanted", "size"),
    [(0, MIN_SHARD), (1, MIN_SHARD), (MIN_SHARD * MAX_SHARDS, MIN_SHARD), (MIN_SHARD * MAX_SHARDS + 1, MIN_SHARD + 1)],
)
def test_the_size_of_a_shard(wanted: int, size: int) -> None:
    assert shard_size(wanted) == size


def test_there_are_never_more_shards_than_a_run_maps_over() -> None:
    assert all(-(-wanted // shard_size(wanted)) <= MAX_SHARDS for wanted in range(1, 1_000_000, 997))
