"""The environments of the processes of one run directory: Airflow's and the local cloud's.

Nothing is written to an airflow.cfg: the environment alone describes a run directory, and `~/airflow` is never used. A
comment next to a value gives its reason.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.stack.ports import HOST
from tools.stack.settings import PROJECT_ROOT, CloudSettings, Installation, RunSecrets

ADMIN = "admin"
"""The one user of the simple auth manager."""


FOREIGN = ("AIRFLOW", "OSS_AUDIO_", "LOCAL_CLOUD_")
"""Prefixes of variables that a stack sets itself and never inherits."""


@dataclass(frozen=True)
class CloudEndpoints:
    """Addresses of a running local cloud."""

    oss: str
    smq: str
    imm: str


@dataclass(frozen=True)
class Folders:
    """The folders of Airflow's code and data."""

    run_dir: Path
    dags: Path = PROJECT_ROOT / "dags"
    plugins: Path = PROJECT_ROOT / "plugins"

    @property
    def home(self) -> Path:
        """AIRFLOW_HOME."""
        return self.run_dir / "airflow"

    @property
    def metadata(self) -> Path:
        """Airflow's own SQLite database."""
        return self.home / "airflow.db"

    @property
    def catalogue(self) -> Path:
        """The catalogue; outside of AIRFLOW_HOME, which is removed at a start."""
        return self.run_dir / "audio_catalogue.db"

    @property
    def reports(self) -> Path:
        """Where the nightly batch writes its Markdown reports."""
        return self.run_dir / "reports"

    @property
    def passwords(self) -> Path:
        """The simple auth manager's file of passwords."""
        return self.home / "passwords.json"


PYTHON_SWITCHES = frozenset({"PYTHONDONTWRITEBYTECODE", "PYTHONWARNINGS"})
"""A caller's switches that slow Airflow down or turn a library's warning into an error."""


def base_environment(folders: Folders, installation: Installation | None = None) -> dict[str, str]:
    """Return the caller's environment without variables that would change Airflow's settings."""
    env = {
        name: value
        for name, value in os.environ.items()
        # A shell set up for another Airflow must not leak its connections or settings into this one. And
        # Airflow imports thousands of modules per process: without byte code a start costs twice the CPU.
        if name == "LOCAL_CLOUD_FFMPEG" or (not name.startswith(FOREIGN) and name not in PYTHON_SWITCHES)
    }
    installation = installation or Installation()
    env.pop("PYTHONPATH", None)
    if installation.python_path is not None:
        env["PYTHONPATH"] = installation.python_path
    env["PATH"] = os.pathsep.join([str(installation.python.parent), env.get("PATH", os.defpath)])
    env["PYTHONUNBUFFERED"] = "1"
    env["AIRFLOW_HOME"] = str(folders.home)
    return env


def core_settings(folders: Folders, secrets: RunSecrets, api_port: int) -> dict[str, str]:
    """Return Airflow's settings: one machine, SQLite, LocalExecutor, short polling intervals, no telemetry."""
    api = f"http://{HOST}:{api_port}"
    return {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folders.metadata}?timeout=60",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        # More writers than this and SQLite's lock ends the scheduler ("database is locked").
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__DAGS_FOLDER": str(folders.dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(folders.plugins),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__FERNET_KEY": secrets.fernet_key,
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{api}/execution/",
        # The full name needs a working DNS; nothing here ever leaves the machine.
        "AIRFLOW__CORE__HOSTNAME_CALLABLE": "socket.gethostname",
        "AIRFLOW__CORE__AUTH_MANAGER": (
            "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folders.passwords),
        "AIRFLOW__API__HOST": HOST,
        "AIRFLOW__API__PORT": str(api_port),
        "AIRFLOW__API__BASE_URL": api,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": secrets.jwt_secret,
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.jwt_secret,
        # New DAG files are seen within seconds, and changed ones at once; all are parsed once a minute:
        # parsing all of them takes seconds of CPU.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "AIRFLOW__LOGGING__COLORED_CONSOLE_LOG": "False",
    }


def cloud_environment(
    folders: Folders, secrets: RunSecrets, cloud: CloudSettings, ports: Sequence[int]
) -> dict[str, str]:
    """Return the settings of the local cloud; `ports` are those of OSS, SMQ and IMM, 0 for any free one.

    They are no flags, since every user of the machine can read a command line.
    """
    return {
        "LOCAL_CLOUD_DATA": str(folders.run_dir / "cloud"),
        "LOCAL_CLOUD_HOST": HOST,
        "LOCAL_CLOUD_OSS_PORT": str(ports[0]),
        "LOCAL_CLOUD_SMQ_PORT": str(ports[1]),
        "LOCAL_CLOUD_IMM_PORT": str(ports[2]),
        "LOCAL_CLOUD_ACCESS_KEY_ID": secrets.access_key_id,
        "LOCAL_CLOUD_ACCESS_KEY_SECRET": secrets.access_key_secret,
        "LOCAL_CLOUD_REGION": cloud.region,
        "LOCAL_CLOUD_BUCKET": ",".join(cloud.buckets),
        "LOCAL_CLOUD_TOPIC": cloud.topic,
        "LOCAL_CLOUD_QUEUE": cloud.queue,
    }


def connections(
    folders: Folders, secrets: RunSecrets, cloud: CloudSettings, endpoints: CloudEndpoints
) -> dict[str, str]:
    """Return the three connections of the package, as Airflow reads them from the environment."""
    oss = {
        "auth_type": "AK",
        "access_key_id": secrets.access_key_id,
        "access_key_secret": secrets.access_key_secret,
        "region": cloud.region,
        "endpoint": endpoints.oss,
        "imm_endpoint": endpoints.imm,
        "path_style": True,
        # On one machine nothing takes longer; and a lost submit is searched for after about their sum.
        "connect_timeout": 5,
        "read_timeout": 20,
    }
    smq = {
        "conn_type": "smq",
        "host": endpoints.smq,
        "login": secrets.access_key_id,
        "password": secrets.access_key_secret,
        "extra": {"topic": cloud.topic, "queue": cloud.queue},
    }
    return {
        "AIRFLOW_CONN_OSS_DEFAULT": json.dumps({"conn_type": "oss", "extra": oss}),
        "AIRFLOW_CONN_SMQ_DEFAULT": json.dumps(smq),
        "AIRFLOW_CONN_AUDIO_CATALOGUE": json.dumps({"conn_type": "sqlite", "host": str(folders.catalogue)}),
    }


def dag_settings(folders: Folders, cloud: CloudSettings) -> dict[str, str]:
    """Return the variables that the DAGs of this project read."""
    return {
        "OSS_AUDIO_BUCKET": cloud.bucket,
        "OSS_AUDIO_PREFIX": cloud.prefix,
        "OSS_AUDIO_TOPIC": cloud.topic,
        "OSS_AUDIO_QUEUE": cloud.queue,
        "OSS_AUDIO_REPORTS": str(folders.reports),
    }


def write_password(folders: Folders, secrets: RunSecrets) -> None:
    """Write the admin's password; without it Airflow generates one and prints it into its log."""
    folders.home.mkdir(parents=True, exist_ok=True)
    folders.passwords.touch(mode=0o600)
    folders.passwords.write_text(json.dumps({ADMIN: secrets.admin_password}) + "\n")
