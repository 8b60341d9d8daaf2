"""The message service: durable queues and topics, and long polling without a thread for each poller."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from starlette.types import ASGIApp

from oss_local_cloud.signatures.credentials import ACCOUNT_ID, Credentials
from oss_local_cloud.smq import messages, tables
from oss_local_cloud.smq.app import build_app
from oss_local_cloud.smq.attributes import (
    QueueAttributes,
    SubscriptionAttributes,
    TopicAttributes,
    check_name,
)
from oss_local_cloud.smq.errors import SmqRequestError, invalid_argument
from oss_local_cloud.smq.long_polls import LongPolls
from oss_local_cloud.smq.messages import Message, NewMessage, Sent
from oss_local_cloud.smq.notification_format import queue_body
from oss_local_cloud.smq.xml import is_xml_text
from oss_local_cloud.sqlite_thread import SqliteThread

log = logging.getLogger(__name__)
T = TypeVar("T")
_PURGE_SECONDS = 60.0
_SOONEST_SECONDS = 0.005


@dataclass(frozen=True)
class _Poll:
    """The result of one poll; `next_visible_seconds` is None when the queue has no further message."""

    found: list[Message]
    next_visible_seconds: float | None
    polling_wait_seconds: int


class SmqService:
    """Topics, queues and subscriptions of one account in one region, kept in `data_dir/smq.db`.

    `app` serves the HTTP API. Whatever a method returned, or the API acknowledged, survives `kill -9`.
    `clock` gives seconds since the epoch.
    """

    def __init__(
        self, data_dir: Path, region: str, credentials: Credentials, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.region = region
        self.credentials = credentials
        self.clock = clock
        self._db = SqliteThread(data_dir / "smq.db", tables.SCHEMA)
        self.long_polls = LongPolls()
        self._draining = False
        self._purger: asyncio.Task[None] | None = None
        self.on_publish: Callable[[str, str, str], Awaitable[Sent]] = self.deliver
        self.app: ASGIApp = build_app(self)

    async def start(self) -> None:
        """Open the database and begin to drop what is past its retention."""
        await self._db.start()
        self._draining = False
        self._purger = asyncio.create_task(self._purge())

    def drain(self) -> None:
        """Answer every long poll now, with what there is, so that a server can shut down at once."""
        self._draining = True
        self.long_polls.wake_all()

    async def stop(self) -> None:
        """End the long polls and close the database."""
        self.drain()
        if self._purger is not None:
            self._purger.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._purger
            self._purger = None
        await self._db.stop()

    def now_ms(self) -> int:
        """The service's clock in milliseconds since the epoch."""
        return int(self.clock() * 1000)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run statements of `tables` or `messages` in a transaction; returns when it is on the disk."""
        return await self._db.run(work)

    async def create_topic(self, name: str, attributes: TopicAttributes | None = None) -> bool:
        """Make a topic; False when it exists already with these attributes."""
        check_name(name, "Topic")
        wanted = attributes or TopicAttributes()
        return await self.run(lambda db: tables.create_topic(db, name, wanted, self.now_ms()))

    async def create_queue(self, name: str, attributes: QueueAttributes | None = None) -> bool:
        """Make a queue; False when it exists already with these attributes."""
        check_name(name, "Queue")
        wanted = attributes or QueueAttributes()
        return await self.run(lambda db: tables.create_queue(db, name, wanted, self.now_ms()))

    async def ensure(self, *, topic: str | None, queue: str | None) -> None:
        """Make what is missing of a topic, a queue and the queue's subscription to the topic (SIMPLIFIED).

        Whatever there is stays as it is, with whatever attributes; a name just deleted is taken again.
        """
        now_ms = self.now_ms()

        def work(db: sqlite3.Connection) -> None:
            if topic is not None and not tables.exists(db, "topics", topic):
                tables.create_topic(db, topic, TopicAttributes(), now_ms)
            if queue is not None and not tables.exists(db, "queues", queue):
                tables.forget_deleted_queues(db, now_ms, queue)
                tables.create_queue(db, queue, QueueAttributes(), now_ms)
            if topic is not None and queue is not None and not tables.is_subscribed(db, topic, queue):
                tables.subscribe(db, topic, queue, self._endpoint(queue), now_ms)

        for name, kind in ((topic, "Topic"), (queue, "Queue")):
            if name is not None:
                check_name(name, kind)
        await self.run(work)

    async def subscribe(
        self, topic: str, name: str, queue: str, *, content_format: str = "SIMPLIFIED", filter_tag: str = ""
    ) -> bool:
        """Send what is published to `topic` into `queue`; False when that subscription exists already."""
        check_name(name, "Subscription")
        wanted = self._endpoint(queue, content_format, filter_tag)
        return await self.run(lambda db: tables.subscribe(db, topic, name, wanted, self.now_ms()))

    def _endpoint(self, queue: str, content_format: str = "SIMPLIFIED", tag: str = "") -> SubscriptionAttributes:
        fields = {
            "Endpoint": f"acs:mns:{self.region}:{ACCOUNT_ID}:queues/{queue}",
            "NotifyContentFormat": content_format,
            "FilterTag": tag,
        }
        return SubscriptionAttributes.parse(fields, self.region, ACCOUNT_ID)

    async def topic_exists(self, name: str) -> bool:
        """Whether there is a topic of that name."""
        return tables.exists(self._db.reader(), "topics", name)

    async def send(self, queue: str, new: Sequence[NewMessage]) -> list[Sent]:
        """Put messages into a queue and wake as many waiting polls."""
        sent = await self.run(lambda db: messages.send(db, queue, new, self.now_ms()))
        self.long_polls.wake(queue, len(new))
        return sent

    async def publish(self, topic: str, body: bytes, tag: str = "") -> Sent:
        """Publish `body` (UTF-8 text, passed on as it is) to a topic; raises SmqRequestError.

        The message is in the queues of all subscriptions, or in none, when this returns, unless `on_publish` was
        replaced.
        """
        try:
            text = body.decode()
        except UnicodeDecodeError:
            raise invalid_argument("The value of MessageBody should be text in UTF-8.") from None
        if not is_xml_text(text):
            raise invalid_argument("The value of MessageBody has characters XML can't carry; use Base64.")

        return await self.on_publish(topic, text, tag)

    async def deliver(self, topic: str, text: str, tag: str = "") -> Sent:
        """Put a published message into the queues of all subscriptions; raises SmqRequestError."""

        def work(db: sqlite3.Connection) -> tuple[Sent, list[str]]:
            return _publish(db, topic, text, tag, self.now_ms())

        sent, queues = await self.run(work)
        for queue in queues:
            self.long_polls.wake(queue, 1)
        return sent

    async def receive(
        self, queue: str, most: int, wait_seconds: int | None, gone: asyncio.Future[None] | None = None
    ) -> list[Message]:
        """Receive messages, waiting for the first one.

        Args:
            queue: the queue's name.
            most: how many messages to take at most.
            wait_seconds: how long to wait; None for the queue's own setting.
            gone: is done when the receiver has disconnected. No message is taken then; it would stay invisible for
                a whole visibility timeout.

        Returns:
            The messages; none when none came in time.

        Raises:
            SmqRequestError: QueueNotExist, also when the queue is deleted meanwhile.
        """
        started = asyncio.get_running_loop().time()
        with self.long_polls.join(queue) as woken:
            while gone is None or not gone.done():
                woken.clear()
                poll = await self.run(lambda db: self._poll(db, queue, most))
                if poll.next_visible_seconds is not None:
                    self.long_polls.wake_in(queue, poll.next_visible_seconds)
                seconds = poll.polling_wait_seconds if wait_seconds is None else wait_seconds
                left = started + seconds - asyncio.get_running_loop().time()
                if poll.found or left <= 0 or self._draining:
                    return poll.found
                await _first_of(woken, gone, left)
        return []

    def _poll(self, db: sqlite3.Connection, queue: str, most: int) -> _Poll:
        now_ms = self.now_ms()
        settings = tables.get_queue(db, queue).attributes
        found = messages.receive(db, queue, most, now_ms)
        next_ms = messages.next_visible_ms(db, queue, now_ms)
        seconds = None if next_ms is None else max(_SOONEST_SECONDS, (next_ms - now_ms) / 1000)
        return _Poll(found, seconds, settings.polling_wait_seconds)

    async def _purge(self) -> None:
        while True:
            dropped = await self.run(lambda db: messages.drop_expired(db, self.now_ms()))
            await self.run(lambda db: tables.forget_deleted_queues(db, self.now_ms()))
            if dropped:
                log.info("%d messages were older than their queue's retention and are gone", dropped)
            await asyncio.sleep(_PURGE_SECONDS)


def _publish(db: sqlite3.Connection, topic: str, body: str, tag: str, now_ms: int) -> tuple[Sent, list[str]]:
    stored = tables.get_topic(db, topic)
    if len(body.encode()) > stored.attributes.maximum_message_size:
        raise invalid_argument(
            f"The value of MessageBody should between 1 and {stored.attributes.maximum_message_size} bytes."
        )
    sent = messages.published(topic, body, now_ms)
    reached = []
    for subscription in tables.subscriptions_for(db, topic, tag):
        formatted = queue_body(topic, subscription, sent, body, tag, now_ms)
        queue = subscription.attributes.queue
        try:
            messages.send(db, queue, [NewMessage(formatted)], now_ms)
        except SmqRequestError as error:
            log.warning("subscription %s of topic %s: %s", subscription.name, topic, error.message)
        else:
            reached.append(queue)
    return sent, reached


async def _first_of(arrival: asyncio.Event, gone: asyncio.Future[None] | None, seconds: float) -> None:
    """Wait for the first of these: a message, the receiver's disconnect, the time-out."""
    arrived = asyncio.ensure_future(arrival.wait())
    waiting: list[asyncio.Future[Any]] = [arrived] if gone is None else [arrived, gone]
    try:
        await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        arrived.cancel()
