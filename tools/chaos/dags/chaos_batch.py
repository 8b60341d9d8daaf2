"""The nightly batch's own chain, for the chaos harness: several runs and shards at once, retries within seconds."""

from __future__ import annotations

import os
from datetime import timedelta

from airflow.sdk import DAG

from oss_audio.batch_params import SELECTION, VERDICT, batch_params
from oss_audio.batch_pipeline import batch_pipeline

with DAG(
    dag_id="chaos_batch",
    schedule=None,
    max_active_runs=8,
    params=batch_params(),
    default_args={"retries": 4, "retry_delay": timedelta(seconds=3)},
):
    # A wave of 100 files has three shards, one of 40 two: otherwise it takes a thousand to have a second one.
    batch_pipeline(selection=SELECTION, shard_size=34, ask_after=float(os.environ["CHAOS_ASK_AFTER"]), **VERDICT)
