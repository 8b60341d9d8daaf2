"""Two pipelines in one DAG: two batches a run."""

from __future__ import annotations

from airflow.sdk import DAG, TaskGroup

from oss_audio.batch_pipeline import RETRY_DEFAULTS, batch_pipeline

PIPELINES = {
    "music": {"prefix": "two/music/", "profiles": "mobile-mp3"},
    "voice": {"prefix": "two/voice/", "profiles": "podcast-opus"},
}

with DAG(dag_id="two_pipelines", schedule=None, default_args=RETRY_DEFAULTS):
    for name, selection in PIPELINES.items():
        with TaskGroup(name):
            batch_pipeline(selection={"bucket": "media", **selection})
