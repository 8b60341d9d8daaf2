"""Where a task's course can be disturbed on request, and the course it takes when nobody asks.

`misbehaviour.conversions` is the other implementation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from oss_local_cloud.imm.tasks import Task
from oss_local_cloud.interfaces import ObjectInfo

Convert = Callable[[], Awaitable[ObjectInfo]]
"""Runs FFmpeg and stores the rendition, which it returns; raises ConversionFailed."""
Publish = Callable[[str, bytes], Awaitable[object]]
"""Publishes a body to a topic; raises SmqRequestError when there is no such topic."""


class TaskHooks(Protocol):
    """What happens to a task between its acceptance and its notification."""

    async def delay(self, task: Task) -> float:
        """Seconds it is to wait before it is worked on; asked again each time its turn comes."""

    async def convert(self, task: Task, convert: Convert) -> None:
        """Make and store the rendition; raises ConversionFailed."""

    async def notify(self, task: Task, topic: str, body: bytes, publish: Publish) -> None:
        """Publish the notification; raises SmqRequestError when the topic is gone."""


class DefaultTaskHooks:
    """At once, by FFmpeg, told once."""

    async def delay(self, task: Task) -> float:
        """No rest."""
        return 0.0

    async def convert(self, task: Task, convert: Convert) -> None:
        """As the engine does it."""
        await convert()

    async def notify(self, task: Task, topic: str, body: bytes, publish: Publish) -> None:
        """As it is, now."""
        await publish(topic, body)
