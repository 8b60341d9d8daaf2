"""Connections and patience of the plugins' tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from oss_audio_core.oss import retry


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that are made again are made again at once."""
    for name, value in {"PAUSES": (0.0, 0.0, 0.0), "BACKOFF": 0.0, "JITTER": 0.0}.items():
        monkeypatch.setattr(retry, name, value)


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Define an Airflow connection, as JSON or as a URI, for one test."""

    def define(conn_id: str, value: str) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", value)

    return define
