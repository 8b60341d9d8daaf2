"""The asset that every batch updates, for other DAGs to be scheduled on: `schedule=[RENDITIONS]`."""

from __future__ import annotations

from airflow.sdk import Asset

RENDITIONS = Asset(name="audio_renditions", uri="oss-audio://renditions", group="oss_audio")
"""Renditions were published. Each event's `extra` has the run's counts and where its export is."""
