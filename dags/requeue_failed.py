"""Try failed conversions again: those of a batch, of a reason, of a profile, and on request the dead ones, too."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import DAG

from oss_audio.batch_params import FAILURES, PIPELINE, requeue_params, setting
from oss_audio.batch_pipeline import batch_pipeline

with DAG(
    dag_id="requeue_failed",
    description="Failed conversions once more, by batch and reason",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz=setting("TIMEZONE", "Asia/Shanghai")),
    params=requeue_params(),
    default_args={"retries": 2, "retry_delay": timedelta(minutes=2)},
    tags=["audio", "oss"],
    doc_md=__doc__,
):
    batch_pipeline(failures=FAILURES, **PIPELINE)
