"""Every night: what is new or changed in the bucket becomes verified, catalogued renditions.

`report` is the last task and decides about the run: its log says what was published, and what failed and why. A source
that failed is tried again by a later night; `requeue_failed` does it sooner. Clearing a task, or the whole run, submits
nothing twice.
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, CronDataIntervalTimetable

from oss_audio.batch_params import SELECTION, VERDICT, batch_params
from oss_audio.batch_pipeline import RETRY_DEFAULTS, batch_pipeline
from oss_audio.deployment import setting

with DAG(
    dag_id="nightly_audio_batch",
    description="New and changed audio of a bucket to verified, catalogued renditions",
    # Not the bare expression: a run of that covers a moment, and *interval only* wants the time since the last one.
    schedule=CronDataIntervalTimetable(setting("SCHEDULE", "0 2 * * *"), timezone=setting("TIMEZONE", "Asia/Shanghai")),
    start_date=pendulum.datetime(2026, 1, 1, tz=setting("TIMEZONE", "Asia/Shanghai")),
    catchup=False,
    max_active_runs=1,
    params=batch_params(),
    default_args=RETRY_DEFAULTS,
    tags=["audio", "oss"],
    doc_md=__doc__,
):
    batch_pipeline(selection=SELECTION, **VERDICT)
