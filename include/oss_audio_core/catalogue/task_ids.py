"""TaskIds: given by IMM, stored and indexed, and read out of messages that anybody may have written."""

from __future__ import annotations

from typing import TypeGuard

from oss_audio_core.catalogue.storable import is_storable

LONGEST_TASK_ID = 255
"""Characters; IMM's have about 50. An index of PostgreSQL refuses texts of more than about 2,700 bytes."""


def is_task_id(value: object) -> TypeGuard[str]:
    """Whether a value can be the TaskId of a task."""
    return isinstance(value, str) and 0 < len(value) <= LONGEST_TASK_ID and bool(value.strip()) and is_storable(value)
