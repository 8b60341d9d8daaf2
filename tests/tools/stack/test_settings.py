"""The secrets of a run directory: made once, readable by their owner only, never in a repr."""

from __future__ import annotations

import stat
from pathlib import Path

from cryptography.fernet import Fernet

from tools.stack.settings import RunSecrets


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    made = RunSecrets.of(run_dir)
    assert RunSecrets.of(run_dir) == made
    assert RunSecrets.of(tmp_path / "other") != made


def test_only_the_owner_reads_the_secrets(tmp_path: Path) -> None:
    RunSecrets.of(tmp_path)
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_a_repr_shows_no_secret(tmp_path: Path) -> None:
    assert repr(RunSecrets.of(tmp_path)) == "RunSecrets()"


def test_airflow_can_use_the_fernet_key(tmp_path: Path) -> None:
    fernet = Fernet(RunSecrets.of(tmp_path).fernet_key)
    assert fernet.decrypt(fernet.encrypt(b"x")) == b"x"
