"""PostgreSQL and Redis from their wheels, for a stack with CeleryExecutor: on free ports, for one run only."""

from __future__ import annotations

import json
import shutil
import socket
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tools.stack.components import POSTGRESQL, REDIS
from tools.stack.errors import StackError
from tools.stack.ports import HOST, free_port
from tools.stack.postgresql import START_SECONDS, SUPERUSER, database_url, ordinary_user, server_command
from tools.stack.postgresql_template import CATALOGUE, METADATA, copy_template
from tools.stack.processes import ManagedProcess, ProcessGroup
from tools.stack.wheels import redis_server

CONNECTIONS = 300
"""Every process of Airflow keeps a pool, and every task opens the catalogue."""


class Servers:
    """One PostgreSQL with Airflow's database and the catalogue's, and one Redis as Celery's broker.

    Both are processes of the stack's group, so that they end with it. `remove` deletes what they wrote: their data
    is outside of the run directory, which an ordinary user can't enter.
    """

    def __init__(self, processes: ProcessGroup) -> None:
        self._processes = processes
        self._folder = Path(tempfile.mkdtemp(prefix="stack-servers-"))
        self._postgresql_port, self._redis_port = free_port(), free_port()
        self._env: dict[str, str] = {}

    @property
    def catalogue_url(self) -> str:
        """The SQLAlchemy URL of the catalogue."""
        return database_url(self._postgresql_port, CATALOGUE)

    @property
    def settings(self) -> dict[str, str]:
        """Airflow's settings that point at these servers, the connection of the catalogue included."""
        catalogue = {"conn_type": "postgres", "host": HOST, "port": self._postgresql_port}
        metadata = database_url(self._postgresql_port, METADATA)
        return {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__PARALLELISM": "16",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": metadata,
            "AIRFLOW__CELERY__BROKER_URL": f"redis://{HOST}:{self._redis_port}/0",
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{metadata}",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": "4",
            "AIRFLOW_CONN_AUDIO_CATALOGUE": json.dumps({**catalogue, "schema": CATALOGUE, "login": SUPERUSER}),
        }

    def start(self, env: Mapping[str, str], airflow_env: Mapping[str, str]) -> None:
        """Start both and wait until they listen: Airflow's tables are there, the catalogue is empty.

        Args:
            env: the servers' environment.
            airflow_env: Airflow's environment, without its database.

        Raises:
            StackError: one of them doesn't start; the message ends with its log.
        """
        self._env = dict(env)
        if user := ordinary_user():
            shutil.chown(self._folder, user)
        redis = self.start_redis()
        copy_template(self._data, airflow_env)
        postgresql = self.start_postgresql()
        self._await(self._redis_port, redis)
        self._await(self._postgresql_port, postgresql)

    def start_postgresql(self) -> ManagedProcess:
        """Start PostgreSQL on the data it has, without waiting until it serves."""
        command = [*server_command(self._data, self._postgresql_port), "-c", f"max_connections={CONNECTIONS}"]
        if user := ordinary_user():
            command = ["setpriv", f"--reuid={user}", "--regid=nogroup", "--clear-groups", *command]
        return self._processes.start(POSTGRESQL, command, self._env, self._folder)

    def start_redis(self) -> ManagedProcess:
        """Start Redis, empty, without waiting until it serves."""
        options = ["--bind", HOST, "--port", str(self._redis_port), "--save", "", "--appendonly", "no"]
        return self._processes.start(REDIS, [redis_server(), *options], self._env, self._folder)

    def remove(self) -> None:
        """Delete what the servers wrote; they must have ended."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @staticmethod
    def _await(port: int, process: ManagedProcess) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                socket.create_connection((HOST, port), 1.0).close()
            except OSError:
                process.require_alive()
                if time.monotonic() > deadline:
                    late = f"{process.name} does not serve after {START_SECONDS:.0f} s"
                    raise StackError(f"{late}; the end of {process.log}:\n{process.log_tail()}") from None
                time.sleep(0.05)
            else:
                return
