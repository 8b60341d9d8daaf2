"""Tasks that the service accepted of one source, for the tests of the checks."""

from __future__ import annotations

from dataclasses import replace

from oss_local_cloud.fault_injection.records import AcceptedTask

KEY = "incoming/a.wav"
TASK = AcceptedTask(
    number=1,
    task_id="t1",
    event_id="e1",
    request_id="r1",
    project="p",
    bucket="media",
    key=KEY,
    process="audio/convert,f_mp3",
    target_bucket="media",
    target_key=".staging/b/0/1-1.mp3",
    topic=None,
    status="Succeeded",
    code="",
    message="",
    started_ms=1_000_000,
    ended_ms=1_001_000,
    notified=True,
)
AGAIN = replace(TASK, number=2, task_id="t2", started_ms=1_090_000)
NEXT = replace(AGAIN, target_key=".staging/b/0/1-2.mp3")
FAILED_TASK = replace(TASK, status="Failed", code="InternalError", message="why")
