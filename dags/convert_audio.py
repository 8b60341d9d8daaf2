"""On demand: make the renditions you choose of the sources you choose. Press *Trigger* and fill in the form."""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import DAG

from oss_audio.batch_params import PIPELINE, SELECTION, batch_params, setting
from oss_audio.batch_pipeline import batch_pipeline

with DAG(
    dag_id="convert_audio",
    description="The sources and profiles of your choice, now",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1, tz=setting("TIMEZONE", "Asia/Shanghai")),
    params=batch_params(),
    default_args={"retries": 2, "retry_delay": timedelta(minutes=2)},
    tags=["audio", "oss"],
    doc_md=__doc__,
):
    batch_pipeline(selection=SELECTION, **PIPELINE)
