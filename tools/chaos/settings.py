"""Settings by which Airflow notices ended processes sooner than by default, and the local cloud's fault rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from oss_local_cloud.fault_injection.durations import Uniform
from oss_local_cloud.fault_injection.rules import (
    AnyRule,
    Error,
    Failed,
    Instant,
    Latency,
    Lost,
    Reordered,
    Repeated,
    Reset,
    Silence,
    Slow,
)

PROFILE = "mobile-mp3"
"""The rendition that is made of every source."""

SUBMIT = ("AsyncProcessObject",)
CONNECT_TIMEOUT, READ_TIMEOUT = 2, 5
"""Seconds; of the OSS connection. A claim's lease is a little over their sum, and silence lasts as long."""

ASK_AFTER = 10.0
"""Seconds without a notification after which a waiting shard asks the service; a minute unless a DAG sets another."""

ASK_AFTER_VARIABLE = "CHAOS_ASK_AFTER"
"""Environment variable by which the DAG of this harness gets it."""

FAILED_CODE = "InternalError"
FAILED_MESSAGE = "This failure was asked for by the chaos harness."

FAST_DETECTION: Mapping[str, str] = MappingProxyType(
    {
        # A task whose worker is gone or stopped: by default found after five minutes.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
        # A task whose message was lost with the worker that had fetched it: by default ten minutes.
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "30",
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
        # Tasks of a scheduler and triggers of a triggerer that ended.
        "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "15",
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
        "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
        "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        # The one DAG doesn't change: parsing it repeatedly would take a tenth of a core.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "3600",
        # A submit whose answer was lost occupies its task for the rest of its lease.
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": "8",
    }
)


def with_short_timeouts(connection: str) -> str:
    """Return the OSS connection with the time-outs of this harness."""
    fields: dict[str, Any] = json.loads(connection)
    fields["extra"] |= {"connect_timeout": CONNECT_TIMEOUT, "read_timeout": READ_TIMEOUT}
    return json.dumps(fields)


def fault_rules(lost: float, repeated: float) -> list[AnyRule]:
    """Return the rules of a run; `lost` and `repeated` are shares of the notifications, all of which are reordered."""
    return [
        # `submitting` lasts long enough to be met by an injection, and some submits get no answer.
        Latency(service="oss", operations=SUBMIT, seconds=Uniform(low=0.1, high=1.0)),
        Reset(id="reset-after-submit", service="oss", operations=SUBMIT, when="after", rate=0.02),
        Reset(id="reset-before-submit", service="oss", operations=SUBMIT, rate=0.02),
        Silence(id="silent-submit", service="oss", operations=SUBMIT, when="after", rate=0.01),
        Error(id="submit-500", service="oss", operations=SUBMIT, status=500, when="after", rate=0.02),
        Error(id="submit-503", service="oss", operations=SUBMIT, status=503, rate=0.03),
        # `verified` lasts long enough to be met by an injection.
        Latency(service="oss", operations=("CopyObject",), seconds=Uniform(low=0.2, high=1.0)),
        Error(id="any-oss-500", service="oss", operations=("HeadObject", "CopyObject"), status=500, rate=0.01),
        Error(id="any-imm-503", service="imm", status=503, rate=0.05),
        Reset(id="any-smq-reset", service="smq", rate=0.02),
        Lost(rate=lost),
        Repeated(rate=repeated, copies=2, seconds=Uniform(low=0.0, high=5.0)),
        Reordered(window=8, seconds=2.0),
        Slow(seconds=Uniform(low=0.0, high=4.0)),
        Failed(id="failed-task", rate=0.02, code=FAILED_CODE, message=FAILED_MESSAGE),
        Instant(equal="header"),
    ]
