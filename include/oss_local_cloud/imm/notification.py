"""The message IMM publishes when a task has ended.

The envelope of the Chinese page "asynchronous notification format": CloudEvents-like fields and a `content`
that is itself JSON text. OSS submits without user data, so a receiver finds its conversion by TaskId alone.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from oss_local_cloud.imm.ids import TASK_TYPE
from oss_local_cloud.imm.tasks import SUCCEEDED, Task
from oss_local_cloud.signatures.credentials import ACCOUNT_ID


def body(task: Task, region: str) -> bytes:
    """The raw JSON (UTF-8) for a task that has ended."""
    kind = f"imm:Task:{TASK_TYPE}"
    return _dump(
        {
            "id": task.event_id,
            "source": "acs.imm",
            "type": kind,
            "subject": f"acs:imm:{region}:{ACCOUNT_ID}:{task.project}/{kind}",
            "time": str(task.ended_ms),
            "content": _dump(content(task)),
        }
    ).encode()


def content(task: Task) -> dict[str, object]:
    """The task's fields; only a success has Targets."""
    found: dict[str, object] = {
        "ProjectName": task.project,
        "DatasetName": "",
        "RequestId": task.request_id,
        "StartTime": moment(task.started_ms),
        "EndTime": moment(task.ended_ms),
        "UserData": "",
        "TaskType": TASK_TYPE,
        "TaskId": task.task_id,
        "Status": task.status,
        "Code": task.code,
        "Message": task.message,
        "EventSourceId": "",
        "Sources": [{"URI": f"oss://{task.bucket}/{task.key}", "SubtitleSources": None}],
    }
    if task.status == SUCCEEDED:
        found["Targets"] = [{"URI": f"oss://{task.target_bucket}/{task.target_key}"}]
    return found


def moment(milliseconds: int | None) -> str:
    """`2024-08-20T07:03:07.36Z`: RFC 3339 in UTC; empty for None."""
    if milliseconds is None:
        return ""
    seconds, milliseconds = divmod(milliseconds, 1000)
    fraction = f".{milliseconds:03d}".rstrip("0") if milliseconds else ""
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:-6] + fraction + "Z"


def _dump(value: object) -> str:
    # Control characters of a key are escaped by JSON, so the text can stand in an XML message.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
