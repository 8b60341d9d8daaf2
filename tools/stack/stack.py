"""The whole product on one machine: the local cloud and Airflow, started, watched and ended together."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.stack.airflow_api import AirflowApi
from tools.stack.components import (
    API_SERVER,
    CELERY_COMMANDS,
    DAG_PROCESSOR,
    LOCAL_CLOUD,
    LOCAL_COMMANDS,
    POSTGRESQL,
    REDIS,
    SCHEDULER,
    TRIGGERER,
)
from tools.stack.environment import (
    ADMIN,
    CloudEndpoints,
    Folders,
    base_environment,
    cloud_environment,
    connections,
    core_settings,
    dag_settings,
    write_password,
)
from tools.stack.errors import StackError
from tools.stack.metadata_template import copy_template, migrate
from tools.stack.ports import HOST, free_port
from tools.stack.processes import ManagedProcess, ProcessGroup
from tools.stack.servers import Servers
from tools.stack.settings import PROJECT_ROOT, CloudSettings, Installation, RunSecrets

START_TIMEOUT = 180.0
"""Seconds a start may take before it counts as failed: some 15 times what it takes on two idle cores."""

HEALTH_NAMES = {SCHEDULER: "scheduler", DAG_PROCESSOR: "dag_processor", TRIGGERER: "triggerer"}
"""Name of each component in the answer of the health endpoint."""


class Stack:
    """The local cloud and Airflow, of one run directory.

    Args:
        run_dir: folder of logs, metadata, catalogue and objects.
        cloud: names the local cloud starts with.
        dags_folder, plugins_folder: the project's own unless given.
        extra_env: more settings for every process, e.g. `OSS_AUDIO_PROFILES` or `LOCAL_CLOUD_ADMIN_PORT`.
        api_port: the API server's port when it is free, else (and by default) any free one.
        cloud_ports: likewise for OSS, SMQ and IMM.
        keep_metadata: keep Airflow's own database from the last start instead of beginning with an empty one.
            The catalogue and the objects are always kept; removing the run directory deletes them.
        celery: CeleryExecutor with a worker and two triggerers, on a PostgreSQL and a Redis of this run alone:
            Airflow's database and the catalogue start empty and are gone at the end.
        when_cloud_serves: called with the stack before Airflow starts, to put something into the cloud.
        installation: the programs to run; this checkout's unless given.

    Usable as a context manager. `start` first ends processes that an earlier start of the same directory left; `stop`
    leaves nothing running.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        cloud: CloudSettings | None = None,
        dags_folder: Path | None = None,
        plugins_folder: Path | None = None,
        extra_env: Mapping[str, str] | None = None,
        api_port: int | None = None,
        cloud_ports: tuple[int | None, int | None, int | None] = (None, None, None),
        keep_metadata: bool = False,
        celery: bool = False,
        when_cloud_serves: Callable[[Stack], None] | None = None,
        installation: Installation | None = None,
    ) -> None:
        self.folders = Folders(
            run_dir.resolve(),
            dags_folder or PROJECT_ROOT / "dags",
            plugins_folder or PROJECT_ROOT / "plugins",
        )
        self.run_dir = self.folders.run_dir
        self.cloud_settings = cloud or CloudSettings()
        self.secrets = RunSecrets.of(self.run_dir)
        self.processes = ProcessGroup(self.run_dir)
        self._extra_env = dict(extra_env or {})
        self._api_port = api_port
        self._cloud_ports = cloud_ports
        self._keep_metadata = keep_metadata
        self._commands = CELERY_COMMANDS if celery else LOCAL_COMMANDS
        self._celery = celery
        self._servers: Servers | None = None
        self._when_cloud_serves = when_cloud_serves
        self._installation = installation or Installation()
        self._env: dict[str, str] = {}
        self._cloud_env: dict[str, str] = {}
        self._endpoints: CloudEndpoints | None = None
        self._api: AirflowApi | None = None

    def __enter__(self) -> Stack:
        self.start()
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.stop()

    @property
    def cloud(self) -> CloudEndpoints:
        """Addresses of the running local cloud."""
        if self._endpoints is None:
            raise StackError("the local cloud is not running; call start() first")
        return self._endpoints

    @property
    def airflow(self) -> AirflowApi:
        """The REST client of the running Airflow."""
        if self._api is None:
            raise StackError("Airflow is not running; call start() first")
        return self._api

    @property
    def env(self) -> dict[str, str]:
        """The environment of every process of the stack, connections included: never print it whole."""
        return dict(self._env)

    @property
    def catalogue_url(self) -> str:
        """The SQLAlchemy URL of the catalogue."""
        return f"sqlite:///{self.folders.catalogue}" if self._servers is None else self._servers.catalogue_url

    def start(self) -> None:
        """Start everything and wait until all of it answers.

        Raises:
            StackError: a process ended or did not get ready in time; the message shows the end of its log.
        """
        self.processes.stop()
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process of this run directory, also of an earlier start. Harmless when none runs."""
        if self._api is not None:
            self._api.close()
            self._api = None
        self._endpoints = None
        self.processes.stop()
        if self._servers is not None:
            self._servers.remove()
            self._servers = None

    def restart_component(self, name: str) -> ManagedProcess:
        """Start one process of the stack again, as it was started before, without waiting until it serves."""
        if name == LOCAL_CLOUD:
            command, env = self._installation.local_cloud, self._cloud_env
            return self.processes.start(name, command, env, self._installation.folder)
        if self._servers is not None and name in {POSTGRESQL, REDIS}:
            return self._servers.start_postgresql() if name == POSTGRESQL else self._servers.start_redis()
        return self.processes.start(name, self._airflow_command(name), self._env, self._installation.folder)

    def _start(self) -> None:
        base = base_environment(self.folders, self._installation)
        if not self._keep_metadata:
            shutil.rmtree(self.folders.home, ignore_errors=True)
        write_password(self.folders, self.secrets)
        api_port = free_port(self._api_port)
        settings = {**base, **core_settings(self.folders, self.secrets, api_port)}
        servers: dict[str, str] = {}
        if self._celery:
            self._servers = Servers(self.processes)
            self._servers.start(base, settings)
            servers = self._servers.settings
        elif not self.folders.metadata.exists():
            if self._installation.is_ours:
                copy_template(self.folders.metadata, settings)
            else:
                migrate(settings, self._installation.python)
        self._endpoints = self._start_cloud(base)
        if self._when_cloud_serves is not None:
            self._when_cloud_serves(self)
        self._env = {
            **settings,
            **connections(self.folders, self.secrets, self.cloud_settings, self._endpoints),
            **dag_settings(self.folders, self.cloud_settings),
            **servers,
            **self._extra_env,
        }
        for name in self._commands:
            self.processes.start(name, self._airflow_command(name), self._env, self._installation.folder)
        self._api = AirflowApi(f"http://{HOST}:{api_port}", ADMIN, self.secrets.admin_password)
        self._await_airflow()

    def _start_cloud(self, base: Mapping[str, str]) -> CloudEndpoints:
        ports = [free_port(port) if port is not None else 0 for port in self._cloud_ports]
        names = cloud_environment(self.folders, self.secrets, self.cloud_settings, ports)
        self._cloud_env = {**base, **names, **self._extra_env}
        process = self.restart_component(LOCAL_CLOUD)
        deadline = time.monotonic() + START_TIMEOUT
        while (line := _announcement(process.log)) is None:
            process.require_alive()
            _check_deadline(deadline, process)
            time.sleep(0.05)
        found = CloudEndpoints(**{name: str(line[name]) for name in ("oss", "smq", "imm")})
        # Airflow's processes have these addresses: a restarted cloud serves at the same ones.
        for name in ("oss", "smq", "imm"):
            self._cloud_env[f"LOCAL_CLOUD_{name.upper()}_PORT"] = getattr(found, name).rpartition(":")[2]
        return found

    def _airflow_command(self, name: str) -> list[str]:
        return [str(self._installation.python), "-m", "airflow", *self._commands[name]]

    def _await_airflow(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while True:
            self.processes.require_alive()
            health = self.airflow.health()
            waiting = [name for name, part in HEALTH_NAMES.items() if health.get(part, {}).get("status") != "healthy"]
            tasks_can_run = bool(health) and self.airflow.execution_api_is_ready()
            if tasks_can_run and not waiting:
                return
            if time.monotonic() > deadline:
                late = waiting if tasks_can_run else [API_SERVER]
                tails = "\n".join(
                    f"the end of {log}:\n{ManagedProcess(name, log, 0, 0.0).log_tail()}"
                    for name in late
                    for log in [self.processes.logs / f"{name}.log"]
                )
                raise StackError(f"not ready after {START_TIMEOUT:.0f} s: {', '.join(late)}; {tails}")
            time.sleep(0.2)


def _announcement(log: Path) -> dict[str, object] | None:
    """The line of JSON that the local cloud prints once it serves, `None` before that."""
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("{"):
            try:
                found = json.loads(line)
            except ValueError:
                continue
            if isinstance(found, dict) and {"oss", "smq", "imm"} <= found.keys():
                return found
    return None


def _check_deadline(deadline: float, process: ManagedProcess) -> None:
    if time.monotonic() > deadline:
        late = f"{process.name} is not ready after {START_TIMEOUT:.0f} s"
        raise StackError(f"{late}; the end of {process.log}:\n{process.log_tail()}")
