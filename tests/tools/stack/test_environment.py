"""The environments of a stack: complete, separate from the caller's own Airflow, and readable by the hooks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from airflow.models.connection import Connection

from tools.stack import CloudEndpoints, CloudSettings
from tools.stack.environment import ADMIN, Folders, base_environment, connections, core_settings, write_password
from tools.stack.settings import RunSecrets

ENDPOINTS = CloudEndpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3")


def test_the_callers_own_settings_stay_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AIRFLOW_HOME", "AIRFLOW__CORE__EXECUTOR", "OSS_AUDIO_BUCKET", "LOCAL_CLOUD_DATA"):
        monkeypatch.setenv(name, "foreign-value")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    env = base_environment(Folders(tmp_path))
    assert "foreign-value" not in env.values()
    assert "PYTHONDONTWRITEBYTECODE" not in env
    assert env["AIRFLOW_HOME"] == str(tmp_path / "airflow")


def test_another_ffmpeg_may_be_chosen_for_the_local_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_CLOUD_FFMPEG", "/opt/ffmpeg")
    assert base_environment(Folders(tmp_path))["LOCAL_CLOUD_FFMPEG"] == "/opt/ffmpeg"


def test_airflow_reads_the_connections(tmp_path: Path) -> None:
    secrets = RunSecrets.of(tmp_path)
    found = connections(Folders(tmp_path), secrets, CloudSettings(), ENDPOINTS)
    oss, smq, catalogue = (
        Connection.from_json(found[f"AIRFLOW_CONN_{name}"])
        for name in ("OSS_DEFAULT", "SMQ_DEFAULT", "AUDIO_CATALOGUE")
    )
    assert (oss.conn_type, oss.extra_dejson["endpoint"], oss.extra_dejson["auth_type"]) == ("oss", ENDPOINTS.oss, "AK")
    assert (smq.conn_type, smq.host, smq.login) == ("smq", ENDPOINTS.smq, secrets.access_key_id)
    assert (catalogue.conn_type, catalogue.host) == ("sqlite", str(tmp_path / "audio_catalogue.db"))


def test_settings_respect_the_limits_of_sqlite(tmp_path: Path) -> None:
    settings = core_settings(Folders(tmp_path), RunSecrets.of(tmp_path), 8080)
    assert settings["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].endswith("?timeout=60")
    assert settings["AIRFLOW__CORE__PARALLELISM"] == "4"
    assert settings["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:8080/execution/"


def test_the_password_is_written_for_airflow(tmp_path: Path) -> None:
    folders, secrets = Folders(tmp_path), RunSecrets.of(tmp_path)
    write_password(folders, secrets)
    assert json.loads(folders.passwords.read_text()) == {ADMIN: secrets.admin_password}
    assert folders.passwords.stat().st_mode & 0o077 == 0
