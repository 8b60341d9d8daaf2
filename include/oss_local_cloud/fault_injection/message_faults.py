"""Messages to topics: lost, late, repeated, reordered, Base64.

A delayed message is on the disk before its publisher is answered, so a kill loses none. Messages that waited in a
window, or are overdue, are published at the next start.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import heapq
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from oss_local_cloud.fault_injection import fault_store
from oss_local_cloud.fault_injection.durations import sample
from oss_local_cloud.fault_injection.fault_injector import ActiveRule, FaultInjector, FaultSubject, matches_key
from oss_local_cloud.fault_injection.fault_store import HeldMessage
from oss_local_cloud.fault_injection.rules import Base64, Late, Lost, MessageRule, Reordered, Repeated
from oss_local_cloud.smq import messages, tables
from oss_local_cloud.smq.errors import SmqRequestError
from oss_local_cloud.smq.messages import Sent
from oss_local_cloud.smq.service import SmqService

log = logging.getLogger(__name__)

_AT_ONCE = 64  # messages that are due are published side by side; they share the flushes of the disk


class TaskOrigin(Protocol):
    """The conversion of a notification, as far as rules use it."""

    @property
    def task_id(self) -> str:
        """The task's id."""

    @property
    def bucket(self) -> str:
        """The bucket of the source."""

    @property
    def key(self) -> str:
        """The key of the source."""


@dataclass
class _Copies:
    """The copies of one message: the body, seconds of delay for each copy, and the window it waits in, if any."""

    body: str
    delays: list[float] = field(default_factory=lambda: [0.0])
    window: ActiveRule[MessageRule] | None = None
    place: str = ""


@dataclass
class _Window:
    """Messages that wait until the window is full: (place, number) of each."""

    waiting: list[tuple[str, int]] = field(default_factory=list)
    timer: asyncio.TimerHandle | None = None


class MessageFaults:
    """Applies the rules to what is published to the topics of `smq`."""

    def __init__(self, injector: FaultInjector, smq: SmqService) -> None:
        self._injector = injector
        self._smq = smq
        self._due: list[tuple[int, str, int]] = []  # a heap of (time in milliseconds, place, number)
        self._changed = asyncio.Event()
        self._windows: dict[str, _Window] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[MessageFaults]:
        """Intercept what is published, and publish what an earlier process held."""
        waiting = await self._injector.database.run(fault_store.waiting)
        # Windows end with their process: messages that waited in one are due now, in the window's order.
        self._due = [(0 if place else due_ms, place, number) for number, due_ms, place in waiting]
        heapq.heapify(self._due)
        self._smq.on_publish = self.publish
        running = asyncio.create_task(self._publish_what_is_due())
        try:
            yield self
        finally:
            self._smq.on_publish = self._smq.deliver
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            for window in self._windows.values():
                if window.timer is not None:
                    window.timer.cancel()

    async def publish(self, topic: str, text: str, tag: str = "") -> Sent:
        """Publish a message that is no notification of a task; raises SmqRequestError."""
        identity = f"{topic} {hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"
        return await self._publish(topic, text, tag, None, identity)

    async def publish_of_task(self, topic: str, text: str, task: TaskOrigin, identity: str) -> Sent:
        """Publish the notification of a task; raises SmqRequestError."""
        return await self._publish(topic, text, "", task, identity)

    def release(self) -> None:
        """Publish all held messages now."""
        for name in list(self._windows):
            self._close_window(name)
        self._due = [(0, place, number) for _, place, number in sorted(self._due)]
        self._changed.set()

    async def _publish(self, topic: str, text: str, tag: str, task: TaskOrigin | None, identity: str) -> Sent:
        concerned = [active for active in self._injector.messages if _concerns(active.rule, topic, task)]
        if not concerned:
            return await self._smq.deliver(topic, text, tag)
        await self._smq.run(lambda db: tables.get_topic(db, topic))
        copies = await self._decide(concerned, text, task, identity)
        answer = messages.published(topic, text, self._smq.now_ms())
        if copies is None:
            return answer
        now_ms = _now_ms()
        held = [
            HeldMessage(topic, copies.body, tag, now_ms + int(delay * 1000), copies.place if number == 0 else "")
            for number, delay in enumerate(copies.delays)
            if delay > 0 or (number == 0 and copies.window is not None)
        ]
        if held:
            numbers = await self._injector.database.run(lambda db: [fault_store.hold(db, message) for message in held])
            self._wait(list(zip(numbers, held, strict=True)), copies.window)
        for _ in range(len(copies.delays) - len(held)):
            answer = await self._smq.deliver(topic, copies.body, tag)
        return answer

    async def _decide(
        self, concerned: Sequence[ActiveRule[MessageRule]], text: str, task: TaskOrigin | None, identity: str
    ) -> _Copies | None:
        """Draw for each rule; None when the message is lost."""
        copies = _Copies(text)
        subject = (
            FaultSubject() if task is None else FaultSubject(bucket=task.bucket, key=task.key, task_id=task.task_id)
        )
        for active in concerned:
            rule, random = active.rule, self._injector.fires(active, identity)
            if random is None:
                continue
            match rule:
                case Lost():
                    await self._injector.record(active, subject)
                    return None
                case Base64():
                    copies.body = base64.b64encode(copies.body.encode()).decode()
                case Late():
                    copies.delays[0] += sample(rule.seconds, random)
                case Repeated():
                    copies.delays += [sample(rule.seconds, random) for _ in range(rule.copies)]
                case Reordered():
                    copies.window, copies.place = active, f"{random.getrandbits(64):016x}"
            await self._injector.record(active, subject, detail=_detail(rule, copies))
        if copies.delays[0] > 0:
            copies.window, copies.place = None, ""  # a message that is late is out of order already
        return copies

    # --- waiting

    def _wait(self, held: list[tuple[int, HeldMessage]], window: ActiveRule[MessageRule] | None) -> None:
        for number, message in held:
            if message.place and window is not None and isinstance(window.rule, Reordered):
                self._into_window(window.id, window.rule, number, message.place)
            else:
                heapq.heappush(self._due, (message.due_ms, message.place, number))
        self._changed.set()

    def _into_window(self, name: str, rule: Reordered, number: int, place: str) -> None:
        window = self._windows.setdefault(name, _Window())
        window.waiting.append((place, number))
        if len(window.waiting) >= rule.window:
            self._close_window(name)
        elif window.timer is None:
            window.timer = asyncio.get_running_loop().call_later(rule.seconds, self._close_window, name)

    def _close_window(self, name: str) -> None:
        window = self._windows.pop(name, _Window())
        if window.timer is not None:
            window.timer.cancel()
        now_ms = _now_ms()
        for place, number in window.waiting:
            heapq.heappush(self._due, (now_ms, place, number))
        self._changed.set()

    async def _publish_what_is_due(self) -> None:
        while True:
            self._changed.clear()
            now_ms = _now_ms()
            numbers: list[int] = []
            while self._due and self._due[0][0] <= now_ms and len(numbers) < _AT_ONCE:
                numbers.append(heapq.heappop(self._due)[2])
            if numbers:
                await self._deliver(numbers)
                continue
            wait = (self._due[0][0] - now_ms) / 1000 if self._due else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()

    async def _deliver(self, numbers: list[int]) -> None:
        """Publish in this order, then remove: a kill between the two repeats them."""
        held = await self._injector.database.run(lambda db: fault_store.held(db, numbers))
        # Each delivery queues its transaction before its first pause, so the order is that of the calls.
        deliveries: list[Awaitable[Sent]] = [self._smq.deliver(one.topic, one.body, one.tag) for _, one in held]
        for outcome in await asyncio.gather(*deliveries, return_exceptions=True):
            if isinstance(outcome, SmqRequestError):
                log.warning("a held message could not be published: %s", outcome)
            elif isinstance(outcome, BaseException):
                log.error("a held message could not be published", exc_info=outcome)
        await self._injector.database.run(lambda db: fault_store.release(db, numbers))


def _concerns(rule: MessageRule, topic: str, task: TaskOrigin | None) -> bool:
    if rule.topic is not None and rule.topic != topic:
        return False
    if task is None:
        return rule.messages == "all" and rule.bucket is None and not rule.key_prefix
    return matches_key(rule, task.bucket, task.key)


def _detail(rule: MessageRule, copies: _Copies) -> str:
    match rule:
        case Late():
            return f"{copies.delays[0]:.3f} s late"
        case Repeated():
            return f"{rule.copies} more"
        case _:
            return ""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
