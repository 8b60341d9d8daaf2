"""A queue's message as the catalogue keeps it: whatever a message holds, its row and its work have these bounds.

A publisher of the topic may write anything into 64 KB. What is too long is kept cut, with a mark that says so.
"""

from __future__ import annotations

from dataclasses import dataclass

from oss_audio_core.catalogue.inbox import InboxMessage
from oss_audio_core.catalogue.task_ids import LONGEST_TASK_ID, is_task_id
from oss_audio_core.smq import QueueMessage, TaskNotification, UndecodableMessage, decode

LONGEST_NAME = 255
"""Characters of a message's id and of an error code."""

LONGEST_STATUS = 64
"""Characters; IMM's are `Succeeded`, `Failed` and `Running`."""

LONGEST_REASON = 2000
"""Characters of the reason of a failure."""

LONGEST_BODY = 4096
"""Bytes that are kept of a message that is no notification of a task."""

MOST_OUTPUTS = 4
"""Pairs of a source and a target that are looked up for one message; a task of audio/convert has one."""

LONGEST_ADDRESS = 1100
"""Characters: `oss://`, a bucket's 63 and a key's 1,023."""


@dataclass(frozen=True)
class BoundedMessage:
    """A message for the inbox, and what its task read and wrote as pairs of addresses, `oss://bucket/key`."""

    kept: InboxMessage
    outputs: tuple[tuple[str, str], ...] = ()


def bounded(queue: str, message: QueueMessage) -> BoundedMessage:
    """Decode a message and cut what is too long. Never raises: every message can be stored and deleted."""
    try:
        task = decode(message.body)
    except UndecodableMessage as error:
        return _unreadable(queue, message, str(error))
    if not is_task_id(task.task_id):
        length = f"its TaskId has {len(task.task_id):,} characters, and no task's has more than {LONGEST_TASK_ID}"
        return _unreadable(queue, message, length)
    if len(task.status) > LONGEST_STATUS:
        return _unreadable(queue, message, f"its Status has {len(task.status):,} characters")
    kept = InboxMessage(
        queue=queue,
        message_id=_cut(message.message_id, LONGEST_NAME),
        task_id=task.task_id,
        status=task.status,
        code=_cut(task.code, LONGEST_NAME) or None,
        message=_cut(task.message, LONGEST_REASON) or None,
        body=None,
    )
    return BoundedMessage(kept, _outputs(task))


def _unreadable(queue: str, message: QueueMessage, reason: str) -> BoundedMessage:
    body, whole = message.body[:LONGEST_BODY], len(message.body)
    if len(body) < whole:
        reason += f" (of {whole:,} bytes the first {LONGEST_BODY:,} are kept)"
    message_id = _cut(message.message_id, LONGEST_NAME)
    return BoundedMessage(InboxMessage(queue, message_id, None, None, None, _cut(reason, LONGEST_REASON), body))


def _outputs(task: TaskNotification) -> tuple[tuple[str, str], ...]:
    sources = [one for one in task.sources[:MOST_OUTPUTS] if len(one) <= LONGEST_ADDRESS]
    targets = [one for one in task.targets[:MOST_OUTPUTS] if len(one) <= LONGEST_ADDRESS]
    return tuple((source, target) for source in sources for target in targets)[:MOST_OUTPUTS]


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    mark = f" … (cut, of {len(text):,} characters)"
    return text[: longest - len(mark)] + mark
