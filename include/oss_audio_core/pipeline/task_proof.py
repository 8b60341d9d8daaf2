"""Whether an object at a final key is the output of a task that writes there at once, by the times that IMM gives.

OSS tells when an object was last written, to the second. If that is within a task's run, the task wrote it: it writes
when it ends, over what was written before. IMM forgets tasks after a week.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from oss_audio_core.catalogue.own_objects import TaskInPlace
from oss_audio_core.oss import ImmTasks, TaskNotFound


def is_output(tasks: ImmTasks, candidates: Iterable[TaskInPlace], modified_at: datetime | None) -> bool:
    """Whether one of the tasks wrote an object at its target.

    Args:
        tasks: IMM.
        candidates: the tasks that write to the object's key.
        modified_at: when the object was last written, by OSS's clock.

    Raises:
        Exception: IMM can't say (the SDK's errors share no base).
    """
    if modified_at is None:
        return False
    for one in candidates:
        try:
            task = tasks.get_task(one.source_bucket, one.task_id)
        except TaskNotFound:
            continue
        began, ended = _moment(task.start_time), _moment(task.end_time)
        if task.status == "Succeeded" and began and ended and began.replace(microsecond=0) <= modified_at <= ended:
            return True
    return False


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
