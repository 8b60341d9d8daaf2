"""The hooks of a task between its acceptance and its notification, and what they do by default.

`fault_injection.task_faults` is the other implementation.
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
    """The steps of a task between its acceptance and its notification."""

    async def delay(self, task: Task) -> float:
        """Seconds of delay before the task is worked on; called again each time its turn comes."""

    async def convert(self, task: Task, convert: Convert) -> None:
        """Make and store the rendition; raises ConversionFailed."""

    async def notify(self, task: Task, topic: str, body: bytes, publish: Publish) -> None:
        """Publish the notification; raises SmqRequestError when the topic is gone."""


class DefaultTaskHooks:
    """No delay, a conversion by FFmpeg, one notification."""

    async def delay(self, task: Task) -> float:
        """No delay."""
        return 0.0

    async def convert(self, task: Task, convert: Convert) -> None:
        """Convert by the engine."""
        await convert()

    async def notify(self, task: Task, topic: str, body: bytes, publish: Publish) -> None:
        """Publish now, unchanged."""
        await publish(topic, body)
