"""What Airflow's provider manager learns about this package: its connection types."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the provider description that Airflow reads through the entry point in pyproject.toml."""
    return {"package-name": "oss-audio", "name": "OSS audio", "description": "", "connection-types": []}
