"""The client against the local cloud's SMQ; what it receives was sent by the official SDK."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.smq import SmqClient, SmqSettings, decode

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess

MakeQueue = Callable[..., str]
Send = Callable[..., None]


async def test_bodies_arrive_as_they_were_sent(
    smq_settings: SmqSettings, make_queue: MakeQueue, send: Send, task: Callable[[str], str]
) -> None:
    queue = make_queue()
    bodies = [task("MediaConvert-1"), "no JSON <&> 歌 ]]>", "eyJhIjoxfQ=="]
    send(queue, *bodies)
    async with SmqClient(smq_settings) as client:
        received = [m for _ in bodies for m in await client.receive(queue, wait_seconds=0)]
    assert sorted(m.body.decode() for m in received) == sorted(bodies)
    assert decode(next(m.body for m in received if m.body.startswith(b"{"))).task_id == "MediaConvert-1"
    message = received[0]
    assert message.message_id
    assert message.dequeue_count == 1
    assert abs(datetime.now(UTC) - message.enqueue_time) < timedelta(minutes=5)
    assert message.receipt_handle not in repr(message)


async def test_an_empty_queue_gives_nothing(smq_settings: SmqSettings, make_queue: MakeQueue) -> None:
    async with SmqClient(smq_settings) as client:
        assert await client.receive(make_queue(), wait_seconds=0) == []
        assert await client.receive(make_queue(), wait_seconds=1, batch=1) == []


async def test_deleted_messages_stay_away_and_others_come_back(
    smq_settings: SmqSettings, make_queue: MakeQueue, send: Send
) -> None:
    queue = make_queue(vis_timeout=1)
    send(queue, "keep", "delete")
    async with SmqClient(smq_settings) as client:
        first = await _receive_all(client, queue, 2)
        handles = [m.receipt_handle for m in first if m.body == b"delete"]
        assert await client.delete(queue, handles) == []
        again = await client.receive(queue, wait_seconds=10)
        assert [m.body for m in again] == [b"keep"]
        assert again[0].dequeue_count == 2
        assert int((await client.queue_attributes(queue))["ActiveMessages"]) == 0


async def test_more_handles_than_a_request_takes(smq_settings: SmqSettings, make_queue: MakeQueue, send: Send) -> None:
    queue = make_queue()
    send(queue, *(str(n) for n in range(20)))
    async with SmqClient(smq_settings) as client:
        messages = await _receive_all(client, queue, 20)
        assert await client.delete(queue, [m.receipt_handle for m in messages]) == []
        attributes = await client.queue_attributes(queue)
    assert (attributes["ActiveMessages"], attributes["InactiveMessages"]) == ("0", "0")


async def test_handles_that_fail_are_returned(smq_settings: SmqSettings, make_queue: MakeQueue, send: Send) -> None:
    queue = make_queue()
    send(queue, "one")
    async with SmqClient(smq_settings) as client:
        good = (await client.receive(queue, wait_seconds=1))[0].receipt_handle
        stale = good[:-1] + ("0" if good[-1] != "0" else "1")
        assert await client.delete(queue, [stale, good]) == [stale]
        assert await client.delete(queue, []) == []


async def test_attributes(smq_settings: SmqSettings, local_cloud: CloudProcess, make_queue: MakeQueue) -> None:
    queue = make_queue(vis_timeout=77)
    async with SmqClient(smq_settings) as client:
        assert (await client.queue_attributes(queue))["VisibilityTimeout"] == "77"
        assert (await client.topic_attributes(local_cloud.topic))["TopicName"] == local_cloud.topic


async def test_sts(start_local_cloud: Callable[..., CloudProcess]) -> None:
    cloud = start_local_cloud(security_token="token/with+signs==")
    settings = SmqSettings(cloud.smq, cloud.access_key_id, cloud.access_key_secret, security_token="token/with+signs==")
    async with SmqClient(settings) as client:
        assert (await client.queue_attributes(cloud.queue))["QueueName"] == cloud.queue


async def test_limits_are_checked_before_anything_is_sent(smq_settings: SmqSettings) -> None:
    async with SmqClient(smq_settings) as client:
        with pytest.raises(ValueError, match="31"):
            await client.receive("q", wait_seconds=31)
        with pytest.raises(ValueError, match="17"):
            await client.receive("q", batch=17)
    with pytest.raises(RuntimeError, match="async with"):
        await client.receive("q")


async def _receive_all(client: SmqClient, queue: str, count: int) -> list:
    messages: list = []
    while len(messages) < count:
        received = await client.receive(queue, wait_seconds=5)
        assert received, f"only {len(messages)} of {count} messages came"
        messages += received
    return messages
