"""A batch has few shards, none that is too small to be worth a task, and enough for several workers."""

from __future__ import annotations

import pytest

from oss_audio_core.pipeline.sharding import MAX_SHARDS, ShardLimits


@pytest.mark.parametrize(
    ("wanted", "minutes", "size"),
    [
        (0, 0.0, 1),
        (1, 0.0, 1),
        (1000, 0.0, 1000),
        (1001, 0.0, 501),
        (64_000, 0.0, 1000),
        (64_001, 0.0, 1001),
        # A thousand songs of three minutes are too much for one worker, a thousand notes of five seconds are not.
        (1000, 3000.0, 77),
        (1000, 83.0, 1000),
        # However long: 64 shards. However few: one each.
        (1000, 1e9, 16),
        (3, 1e9, 1),
    ],
)
def test_the_size_of_a_shard_by_count_and_by_minutes(wanted: int, minutes: float, size: int) -> None:
    assert ShardLimits().size(wanted, minutes) == size


@pytest.mark.parametrize("minutes", [0.0, 50_000.0, 1e7])
def test_there_are_never_more_shards_than_a_run_maps_over(minutes: float) -> None:
    sizes = ((wanted, ShardLimits().size(wanted, minutes)) for wanted in range(1, 1_000_000, 997))
    assert all(-(-wanted // size) <= MAX_SHARDS for wanted, size in sizes)


def test_a_setting_makes_them_smaller() -> None:
    assert ShardLimits(conversions=34).size(100, 0.0) == 34
    assert ShardLimits(minutes=10.0).size(100, 100.0) == 10
