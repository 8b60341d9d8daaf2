"""One bucket's flood keeps no other bucket waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from oss_local_cloud.imm.fair_queue import FairQueue

TO_DEST_MP3 = "audio/convert,f_mp3|sys/saveas,o_ZGVzdC5tcDM"  # dest.mp3


async def take(queue: FairQueue, count: int) -> list[int]:
    return [await queue.get() for _ in range(count)]


async def test_buckets_have_their_turns() -> None:
    queue = FairQueue()
    for number in range(5):
        queue.put("flood", number)
    assert await take(queue, 1) == [0]
    queue.put("other", 10)
    queue.put("other", 11)
    queue.put("third", 20)
    assert await take(queue, 7) == [1, 10, 20, 2, 11, 3, 4]


async def test_a_waiting_get_returns_the_next_task() -> None:
    queue = FairQueue()
    waiting = [asyncio.create_task(queue.get()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.wait({waiting[0]})
    queue.put("a", 1)
    queue.put("b", 2)
    assert sorted(await asyncio.gather(*waiting[1:])) == [1, 2]


@given(st.lists(st.sampled_from("abc"), max_size=60))
def test_all_come_out_once_each_bucket_in_its_order_and_none_twice_while_another_waits(buckets: list[str]) -> None:
    async def run() -> list[int]:
        queue = FairQueue()
        for number, bucket in enumerate(buckets):
            queue.put(bucket, number)
        return await take(queue, len(buckets))

    order = asyncio.run(run())
    assert sorted(order) == list(range(len(buckets)))
    for bucket in set(buckets):
        mine = [number for number in order if buckets[number] == bucket]
        assert mine == sorted(mine)
        for earlier, later in pairwise(mine):
            between = [buckets[number] for number in order[order.index(earlier) + 1 : order.index(later)]]
            waiting = {buckets[number] for number in order[order.index(later) :]} - {bucket}
            assert waiting <= set(between)


async def test_a_flood_in_one_bucket_does_not_hold_another_up(cloud: Any, make_audio: Callable[..., Path]) -> None:
    cloud.put("a.wav", make_audio("a.wav", seconds=1.0))
    cloud.put("a.wav", make_audio("a.wav", seconds=1.0), bucket="outbucket")
    flood = [await cloud.imm.submit("examplebucket", "a.wav", TO_DEST_MP3) for _ in range(40)]
    other = await cloud.imm.submit("outbucket", "a.wav", TO_DEST_MP3)
    assert (await cloud.ended(other.task_id)).status == "Succeeded"
    states = [(await cloud.task(one.task_id)).status for one in flood]
    assert states[-1] == "Running"
