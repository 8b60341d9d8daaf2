"""Parameters of a stack: names in the local cloud, folders, and the secrets of one run directory."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tools.stack.components import LOCAL_CLOUD_COMMAND

PROJECT_ROOT = Path(__file__).resolve().parents[2]
"""The folder with pyproject.toml, `dags/`, `plugins/` and `include/`."""


@dataclass(frozen=True)
class CloudSettings:
    """Names the local cloud starts with. The defaults are those of the DAGs."""

    region: str = "local-1"
    buckets: tuple[str, ...] = ("media",)
    topic: str = "audio-tasks"
    queue: str = "audio-tasks"

    prefix: str = "incoming/"

    @property
    def bucket(self) -> str:
        """The bucket that the nightly batch works on."""
        return self.buckets[0]


@dataclass(frozen=True)
class Installation:
    """The programs a stack runs: by default those of this checkout.

    Attributes:
        python: the Python that has Airflow and the package.
        local_cloud: the command that serves the local cloud.
        python_path: PYTHONPATH of every process; None: there is none.
        folder: the working directory of every process.
    """

    python: Path = Path(sys.executable)
    local_cloud: tuple[str, ...] = LOCAL_CLOUD_COMMAND
    python_path: str | None = str(PROJECT_ROOT)
    folder: Path = PROJECT_ROOT

    @property
    def is_ours(self) -> bool:
        """Whether Airflow is that of this process."""
        return self.python == Path(sys.executable)


@dataclass(frozen=True)
class RunSecrets:
    """Secrets made for one run directory, kept in a file that only its owner reads."""

    access_key_id: str = field(repr=False)
    access_key_secret: str = field(repr=False)
    admin_password: str = field(repr=False)
    fernet_key: str = field(repr=False)
    jwt_secret: str = field(repr=False)

    @classmethod
    def of(cls, run_dir: Path) -> RunSecrets:
        """Read the secrets of `run_dir`; made the first time, so that a restarted stack keeps its login."""
        path = run_dir / "secrets.json"
        if path.exists():
            return cls(**json.loads(path.read_text()))
        made = {
            "access_key_id": "local" + secrets.token_hex(8),
            "access_key_secret": secrets.token_hex(16),
            "admin_password": secrets.token_urlsafe(9),
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "jwt_secret": secrets.token_urlsafe(48),
        }
        run_dir.mkdir(parents=True, exist_ok=True)
        run_dir.chmod(0o700)  # objects, keys and logs are for their owner only
        part = path.with_suffix(".tmp")
        part.touch(mode=0o600)
        part.write_text(json.dumps(made) + "\n")
        os.replace(part, path)
        return cls(**made)
