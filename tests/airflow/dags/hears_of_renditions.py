"""Somebody's DAG that begins when a batch has published, and reads from the event what it was."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from oss_audio.assets import RENDITIONS

with DAG(dag_id="hears_of_renditions", schedule=[RENDITIONS]):

    @task
    def hear(*, triggering_asset_events: Any = None) -> list[dict[str, Any]]:
        """The extra of every event that led to this run."""
        return [event.extra for event in triggering_asset_events[RENDITIONS]]

    hear()
