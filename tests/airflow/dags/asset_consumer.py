"""A DAG that begins when a batch has published, and reads the extras of the event."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from oss_audio.assets import RENDITIONS

with DAG(dag_id="asset_consumer", schedule=[RENDITIONS]):

    @task
    def asset_events(*, triggering_asset_events: Any = None) -> list[dict[str, Any]]:
        """The extra of every event that led to this run."""
        return [event.extra for event in triggering_asset_events[RENDITIONS]]

    asset_events()
