"""An Airflow of the tests' own: Airflow reads its home when it is first imported, so it is set here, at once."""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from include.oss import patience

ROOT = Path(__file__).parents[2]

if "airflow" not in sys.modules:
    _home = tempfile.mkdtemp(prefix="oss-audio-airflow-home-")
    atexit.register(shutil.rmtree, _home, ignore_errors=True)
    for _name in [name for name in os.environ if name.startswith(("AIRFLOW__", "AIRFLOW_CONN_"))]:
        del os.environ[_name]
    os.environ |= {
        "AIRFLOW_HOME": _home,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests that are made again are made again at once."""
    for name, value in {"PAUSES": (0.0, 0.0, 0.0), "BACKOFF": 0.0, "JITTER": 0.0}.items():
        monkeypatch.setattr(patience, name, value)


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Define an Airflow connection, as JSON or as a URI, for one test."""

    def define(conn_id: str, value: str) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", value)

    return define
