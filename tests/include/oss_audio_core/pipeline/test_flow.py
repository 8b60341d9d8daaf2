"""Parts hold what they should, and threads never run far ahead of whoever takes their results."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.pipeline.flow import gathered, in_order


@given(st.lists(st.lists(st.integers(), min_size=1, max_size=5)), st.integers(1, 10))
def test_parts_keep_every_group_whole_and_in_order(groups: list[list[int]], least: int) -> None:
    parts = list(gathered(groups, least))
    assert [group for part in parts for group in part] == groups
    for part in parts[:-1]:
        assert sum(map(len, part)) >= least
        assert sum(map(len, part[:-1])) < least


def test_results_come_in_order_of_their_inputs() -> None:
    last_one_done = threading.Event()

    def work(number: int) -> int:
        if number == 3:
            last_one_done.set()
        if number == 0:
            assert last_one_done.wait(30)
        return number

    with ThreadPoolExecutor(4) as pool:
        assert list(in_order(pool, work, range(4), ahead=4)) == [0, 1, 2, 3]


def test_items_are_taken_only_a_little_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with ThreadPoolExecutor(2) as pool:
        results = in_order(pool, lambda number: number, items(), ahead=5)
        for count in range(1, 50):
            next(results)
            assert len(taken) <= count + 5
        assert list(results) == list(range(49, 100))
