"""A batch whose conversions can't be submitted, because the topic they should notify isn't there."""

from __future__ import annotations

from airflow.sdk import DAG

from oss_audio.batch_pipeline import batch_pipeline

with DAG(dag_id="batch_without_a_topic", schedule=None):
    batch_pipeline(
        selection={"bucket": "media", "prefix": "incoming/voice/", "profiles": "streaming-aac-64k"},
        smq_topic="no-such-topic",
    )
