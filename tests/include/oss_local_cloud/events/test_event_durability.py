"""What was acknowledged with an event due is told: over kill -9, over a message service in trouble."""

from __future__ import annotations

import asyncio
import threading
import time
import wave
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import oss2
import pytest

from oss_local_cloud.events.event_rules import EventRule
from oss_local_cloud.events.outbox_relay import OutboxRelay
from oss_local_cloud.events.write_origin import WriteOrigin
from oss_local_cloud.smq.errors import topic_not_exist
from oss_local_cloud.store.object_rows import ObjectAttributes
from oss_local_cloud.store.object_store import LocalObjectStore

PATIENCE_SECONDS = 30


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalObjectStore]:
    opened = LocalObjectStore(tmp_path / "data")
    opened.create_bucket("audio")
    opened.events.configure("local-1", [EventRule("r", "audio", "t")])
    yield opened
    opened.close()


class Topic:
    """A message service: `failures` are raised first, then what is published is kept."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.published: list[tuple[str, bytes]] = []

    async def publish(self, topic: str, body: bytes) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.published.append((topic, body))


@asynccontextmanager
async def relaying(store: LocalObjectStore, topic: Topic) -> Any:
    relay = OutboxRelay(store.events, topic.publish)
    await relay.start()
    try:
        yield relay
    finally:
        await relay.stop()


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def put(store: LocalObjectStore, key: str = "a") -> None:
    content = store.stage()
    content.write(b"content")
    store.put("audio", key, content, ObjectAttributes("audio/wav"))


async def test_what_an_earlier_process_left_is_told_by_the_next(store: LocalObjectStore) -> None:
    for number in range(300):
        put(store, f"{number:03}")
    assert len(store.events.pending()) == 300
    topic = Topic()
    async with relaying(store, topic):
        await until(lambda: not store.events.pending())
    assert len(topic.published) == 300
    assert len(set(topic.published)) == 300


async def test_a_write_without_a_caller_is_told_at_once(store: LocalObjectStore) -> None:
    topic = Topic()
    async with relaying(store, topic):
        await asyncio.to_thread(put, store)
        await until(lambda: len(topic.published) == 1)
        await until(lambda: not store.events.pending())


async def test_an_event_is_tried_again_after_the_message_service_failed(
    store: LocalObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    topic = Topic(OSError("no space"))
    async with relaying(store, topic) as relay:

        async def perform() -> str:
            await asyncio.to_thread(put, store)
            return "done"

        answer, headers = await relay.publish_with(WriteOrigin("PutObject"), perform)
        assert answer == "done"
        assert set(headers) == {"x-oss-process-status", "x-oss-event-status"}
        await until(lambda: not store.events.pending())
    assert [name for name, _ in topic.published] == ["t"]
    assert "it is tried again" in caplog.text


async def test_a_refused_event_is_logged_and_forgotten(
    store: LocalObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    put(store)
    topic = Topic(topic_not_exist())
    async with relaying(store, topic):
        await until(lambda: not store.events.pending())
    assert topic.published == []
    assert "TopicNotExist" in caplog.text


async def test_a_caller_that_is_cancelled_after_its_write_leaves_the_event_to_others(store: LocalObjectStore) -> None:
    topic = Topic()
    async with relaying(store, topic) as relay:
        stored = asyncio.Event()

        async def perform() -> None:
            await asyncio.to_thread(put, store)
            stored.set()
            await asyncio.Event().wait()

        call = asyncio.create_task(relay.publish_with(WriteOrigin("PutObject"), perform))
        await stored.wait()
        assert topic.published == []
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await until(lambda: len(topic.published) == 1)


@pytest.mark.parametrize("round_", range(2))
def test_every_acknowledged_write_is_told_over_a_kill(
    start_local_cloud: Callable[..., Any],
    listen: Callable[..., Any],
    bucket_of: Callable[..., oss2.Bucket],
    round_: int,
) -> None:
    cloud = start_local_cloud(flags=("--event-rule", "bucket=audio,topic=t"))
    listener = listen(cloud, "t")
    acknowledged: set[str] = set()
    enough = threading.Event()

    def write(thread: int) -> None:
        bucket = bucket_of(cloud)
        try:
            for number in range(10_000):
                key = f"{thread}/{number}"
                bucket.put_object(key, b"x" * number)
                acknowledged.add(key)
                if len(acknowledged) > 20 + 7 * round_:
                    enough.set()
        except oss2.exceptions.RequestError:
            pass  # the cloud was killed

    with ThreadPoolExecutor(4) as threads:
        writers = [threads.submit(write, thread) for thread in range(4)]
        assert enough.wait(PATIENCE_SECONDS)
        cloud.kill()
        for writer in writers:
            writer.result()
    cloud.start()
    listener = listen(cloud, "t")
    told: set[str] = set()
    while not acknowledged <= told:
        told.add(listener.event(wait_seconds=25)["oss"]["object"]["key"])


def test_a_rendition_is_told_too(
    start_local_cloud: Callable[..., Any],
    listen: Callable[..., Any],
    bucket_of: Callable[..., oss2.Bucket],
    tmp_path: Path,
) -> None:
    cloud = start_local_cloud(flags=("--event-rule", "bucket=audio,topic=t,prefix=out/"))
    listener, bucket = listen(cloud, "t"), bucket_of(cloud)
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(3200))
    bucket.put_object_from_file("in/a.wav", str(tmp_path / "a.wav"))
    # "out/a.mp3" in URL-safe Base64
    bucket.async_process_object("in/a.wav", "audio/convert,f_mp3|sys/saveas,o_b3V0L2EubXAz")
    event = listener.event()
    assert event["eventName"] == "ObjectCreated:PutObject"
    assert event["oss"]["object"]["key"] == "out/a.mp3"
    assert event["oss"]["object"]["size"] == bucket.head_object("out/a.mp3").content_length
