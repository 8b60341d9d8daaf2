"""A time line that stays short, whatever is added to it."""

from __future__ import annotations

import numpy as np
import pytest

from oss_audio_core.verification.downsampling import BoundedTimeline


@pytest.mark.parametrize("count", [1, 7, 8, 9, 31, 100, 1000])
@pytest.mark.parametrize("block", [1, 3, 64])
def test_columns_are_the_maxima_of_their_step(count: int, block: int) -> None:
    values = np.random.default_rng(count).random((2, count))
    line = BoundedTimeline(10, 8, np.maximum)
    for begin in range(0, count, block):
        line.add(values[:, begin : begin + block])
    each = line.step // 10
    columns = line.columns()
    assert columns.shape[1] <= 9
    for index in range(columns.shape[1]):
        assert columns[:, index].tolist() == values[:, index * each : (index + 1) * each].max(axis=1).tolist()


def test_nothing_added_is_no_column() -> None:
    assert BoundedTimeline(10, 8, np.maximum).columns().shape[1] == 0
