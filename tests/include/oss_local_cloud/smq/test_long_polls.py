"""The order in which waiting long polls are woken."""

from __future__ import annotations

import asyncio

from oss_local_cloud.smq.long_polls import LongPolls

PATIENCE_SECONDS = 30
POLLERS = 300


async def test_a_message_wakes_the_oldest_poll() -> None:
    polls = LongPolls()
    with polls.join("q") as first, polls.join("q") as second, polls.join("other") as other:
        polls.wake("q", 1)
        assert [first.is_set(), second.is_set(), other.is_set()] == [True, False, False]
        polls.wake("q", 1)  # the first has not looked yet: this one is for the second
        assert second.is_set()
        first.clear()
        second.clear()
    assert polls.waiting("q") == 0


async def test_a_woken_poll_that_leaves_wakes_the_next_one() -> None:
    polls = LongPolls()
    with polls.join("q") as patient:
        with polls.join("q") as also_patient:
            patient.set()
            with polls.join("q") as leaving:
                leaving.set()
                assert not also_patient.is_set()
            assert also_patient.is_set()
        patient.clear()


async def test_an_alarm_wakes_one_and_an_earlier_one_replaces_a_later_one() -> None:
    polls = LongPolls()
    with polls.join("q") as first, polls.join("q") as second:
        polls.wake_in("q", 3600)
        polls.wake_in("q", 0.01)
        polls.wake_in("q", 1800)
        await asyncio.wait_for(first.wait(), PATIENCE_SECONDS)
        assert not second.is_set()
        first.clear()
