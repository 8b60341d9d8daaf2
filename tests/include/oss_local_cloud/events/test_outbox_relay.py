"""What was acknowledged with an event due is told: over kill -9, over a message service in trouble."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

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


async def test_events_left_by_an_earlier_process_are_published_at_start(store: LocalObjectStore) -> None:
    for number in range(300):
        put(store, f"{number:03}")
    assert len(store.events.pending()) == 300
    topic = Topic()
    async with relaying(store, topic):
        await until(lambda: not store.events.pending())
    assert len(topic.published) == 300
    assert len(set(topic.published)) == 300


async def test_a_write_without_a_caller_is_published_at_once(store: LocalObjectStore) -> None:
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


async def test_the_event_of_a_cancelled_call_is_published_by_the_relay(store: LocalObjectStore) -> None:
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
