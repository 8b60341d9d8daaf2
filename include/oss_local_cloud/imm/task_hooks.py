"""The hooks of a task between acceptance and notification, and their default implementation without faults.

`fault_injection.task_faults` has the other implementation.
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
        """Seconds to wait before the task is worked on; called again each time its turn comes."""

    async def convert(self, task: Task, convert: Convert) -> None:
        """Make and store the rendition; raises ConversionFailed."""

    async def notify(self, task: Task, topic: str, body: bytes, publish: Publish) -> None:
        """Publish the notification; raises SmqRequestError when the topic is gone."""


class DefaultTaskHooks:
    """The hooks without faults: the task runs at once, by FFmpeg, and is notified once."""

    async def delay(self, task: Task) -> float:
        """Return no delay."""
        return 0.0

    async def convert(self, task: Task, convert: Convert) -> None:
        """As the engine does it."""
        await convert()

    async def notify(self, task: Task, topic: str, body: bytes, publish: Publish) -> None:
        """As it is, now."""
        await publish(topic, body)
