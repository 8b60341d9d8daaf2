"""Fixtures that several parts of the suite share, the folder of its scratch files, and the order of its files."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import open_catalogue
from tools.cloud_process import CloudProcess

ROOT = Path(__file__).parents[1]
LONGEST = ("airflow", "tools/demo", "plugins/oss_audio/test_interventions")
"""Files that take a minute or more begin first, since the last worker to end decides the time of the whole suite."""

MEMORY = Path("/dev/shm")
"""Scratch files are in memory where there is room, because the suite flushes very often."""

ROOM = 2 << 30


def _use_memory() -> None:
    """Put scratch files into memory, unless TMPDIR is set; runs before anything reads the folder."""
    if "TMPDIR" in os.environ or not MEMORY.is_dir():
        return
    if shutil.disk_usage(MEMORY).free > ROOM and not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def _use_an_airflow_of_its_own() -> None:
    """Set AIRFLOW_HOME to a scratch folder; Airflow reads it at its first import."""
    home = tempfile.mkdtemp(prefix="oss-audio-airflow-home-")
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    for name in [name for name in os.environ if name.startswith(("AIRFLOW__", "AIRFLOW_CONN_"))]:
        del os.environ[name]
    os.environ |= {
        "AIRFLOW_HOME": home,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


_use_memory()
_use_an_airflow_of_its_own()

# A slow example on a loaded machine is no failure. `HYPOTHESIS_EXAMPLES=5000` is for those who attack: as many a test.
hypothesis.settings.register_profile(
    "patient",
    deadline=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "100")),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort whole stacks to the beginning; the rest keeps its order."""
    folder = Path(__file__).parent
    items.sort(key=lambda item: not item.path.relative_to(folder).as_posix().startswith(LONGEST))


@contextlib.contextmanager
def serving(data: Path, flags: tuple[str, ...] = (), **settings: Any) -> Iterator[CloudProcess]:
    """Run a local cloud with the names of the tests; a traceback in its log fails the test."""
    names = {"bucket": "audio", "topic": "audio-done", "queue": "audio-done-queue"}
    with CloudProcess(data, *flags, **(names | settings)) as cloud:
        yield cloud
    assert "Traceback" not in cloud.log, cloud.log


@pytest.fixture(scope="session")
def local_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    """One local cloud for the whole session. Tests that restart or kill take `start_local_cloud` instead."""
    with serving(tmp_path_factory.mktemp("local-cloud") / "data") as cloud:
        yield cloud


@pytest.fixture(scope="session")
def faulty_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudProcess]:
    """One local cloud with its admin API, which each user resets first. It makes one conversion at a time."""
    data = tmp_path_factory.mktemp("faulty-cloud") / "data"
    with serving(data, flags=("--workers", "1"), admin=True) as cloud:
        yield cloud


@pytest.fixture
def start_local_cloud(tmp_path: Path) -> Iterator[Callable[..., CloudProcess]]:
    """Start private local clouds: `start_local_cloud(bucket="b", flags=("--workers", "1"))` and so on."""
    with contextlib.ExitStack() as stack:
        folders = (tmp_path / f"cloud-{number}" for number in itertools.count())
        yield lambda **settings: stack.enter_context(serving(next(folders), **settings))


@pytest.fixture(scope="session")
def new_catalogue(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], sa.URL]:
    """`new_catalogue(path)` makes an empty SQLite catalogue; its tables are made once only."""
    made = tmp_path_factory.mktemp("catalogue") / "catalogue.db"
    open_catalogue(f"sqlite:///{made}").close()

    def copy(path: Path) -> sa.URL:
        shutil.copy(made, path)
        return sa.make_url(f"sqlite:///{path}")

    return copy
