"""Where the catalogue and OSS are, by options and environment; errors in one line."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import CatalogueError
from oss_audio_core.catalogue.cli.connect import catalogue_url

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library


RunCommand = Callable[..., tuple[int, str, str]]


def test_a_program_of_its_own_reads_the_environment(library: Library, catalogue_url: sa.URL) -> None:
    library.night()
    address = catalogue_url.render_as_string(hide_password=False)
    command = [str(Path(sys.executable).with_name("oss-audio")), "catalogue", "savings", "--json"]
    environment = {"AUDIO_CATALOGUE": address, "PATH": "/usr/bin:/bin"}
    folder = Path(__file__).parents[5]
    ran = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)[-1]["renditions"] == 3
    assert ran.stderr == ""


def test_no_catalogue_and_no_oss_are_one_line_each(
    run_command: RunCommand, library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, out, complaint = run_command("list", "--catalogue", str(tmp_path / "none.db"))
    assert (status, out, complaint.count("\n")) == (1, "", 1)
    assert "there is none" in complaint
    for name in ("OSS_ENDPOINT", "OSS_REGION", "OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET"):
        monkeypatch.delenv(name, raising=False)
    status, out, complaint = run_command("check")
    assert (status, out, complaint.count("\n")) == (1, "", 1)
    assert "OSS_REGION" in complaint


ENVIRONMENTS = [
    ({}, "/opt/a", "sqlite:////opt/a"),
    ({"AUDIO_CATALOGUE": "postgres://u:p@h/d"}, None, "postgresql+psycopg2://u:p@h/d"),
    (
        {"AIRFLOW_CONN_AUDIO_CATALOGUE": "postgresql://u:p%40w@h:5/d?sslmode=require"},
        None,
        "postgresql+psycopg2://u:p%40w@h:5/d?sslmode=require",
    ),
    ({"AIRFLOW_CONN_AUDIO_CATALOGUE": "sqlite:////data/c.db"}, None, "sqlite:////data/c.db"),
    (
        {"AIRFLOW_CONN_AUDIO_CATALOGUE": '{"conn_type": "postgres", "host": "h", "schema": "d", "port": 5}'},
        None,
        "postgresql+psycopg2://h:5/d",
    ),
    (
        {"AIRFLOW_CONN_AUDIO_CATALOGUE": '{"conn_type": "generic", "extra": {"url": "sqlite:////data/c.db"}}'},
        None,
        "sqlite:////data/c.db",
    ),
    (
        {
            "AIRFLOW_CONN_AUDIO_CATALOGUE": '{"conn_type": "postgres", "host": "h", "schema": "d", '
            '"extra": {"sslmode": "verify-full", "sslrootcert": "/ca.pem", "cursor": "dictcursor"}}'
        },
        None,
        "postgresql+psycopg2://h/d?sslmode=verify-full&sslrootcert=%2Fca.pem",
    ),
    (
        {
            "AIRFLOW_CONN_AUDIO_CATALOGUE": '{"conn_type": "postgres", "host": "h", "schema": "d", '
            '"extra": "{\\"sslmode\\": \\"verify-full\\"}"}'
        },
        None,
        "postgresql+psycopg2://h/d?sslmode=verify-full",
    ),
    (
        {
            "AIRFLOW_CONN_AUDIO_CATALOGUE": "postgres://h/d?options=-csearch_path%3Daudio"
            "&target_session_attrs=read-write&application_name=nights&connect_timeout=5"
        },
        None,
        "postgresql+psycopg2://h/d?application_name=nights&connect_timeout=5&options=-csearch_path%3Daudio"
        "&target_session_attrs=read-write",
    ),
    (
        {"AIRFLOW_CONN_AUDIO_CATALOGUE": "postgres://h/d?__extra__=%7B%22connect_timeout%22%3A+5%7D"},
        None,
        "postgresql+psycopg2://h/d?connect_timeout=5",
    ),
    (
        {"AIRFLOW_CONN_AUDIO_CATALOGUE": '{"conn_type": "generic", "host": "postgresql://u@h/d", "password": "p"}'},
        None,
        "postgresql+psycopg2://u:p@h/d",
    ),
    ({"AIRFLOW_CONN_AUDIO_CATALOGUE": "sqlite://%2FData%2Fc.db"}, None, "sqlite:////Data/c.db"),
    ({"AIRFLOW_HOME": "/opt/airflow"}, None, "sqlite:////opt/airflow/audio_catalogue.db"),
    ({"AUDIO_CATALOGUE": "/a.db", "AIRFLOW_CONN_AUDIO_CATALOGUE": "x"}, "sqlite:////b.db", "sqlite:////b.db"),
]


@pytest.mark.parametrize(("environment", "option", "url"), ENVIRONMENTS)
def test_where_the_catalogue_is(
    environment: dict[str, str], option: str | None, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AUDIO_CATALOGUE", "AIRFLOW_CONN_AUDIO_CATALOGUE", "AIRFLOW_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert catalogue_url(option).render_as_string(hide_password=False) == url


@pytest.mark.parametrize(
    "connection",
    [
        "nonsense",
        "{",
        "[]",
        "mysql://u:hidden@h/d",
        '{"conn_type": "http"}',
        '{"conn_type": "postgres", "host": "h", "schema": "d", "password": "hidden", "port": "none"}',
        '{"conn_type": "postgres", "host": "h", "schema": "d", "extra": ["hidden"]}',
        '{"conn_type": "postgres", "host": "h", "schema": "d", "extra": {"sslmode": ["hidden"]}}',
        '{"conn_type": "generic", "host": "mysql://u:hidden@h/d"}',
        "postgres://:x",
        "postgres://u:hidden@h:port/d",
        "sqlite:///audio.db",
    ],
)
def test_a_connection_that_is_none_is_refused_without_its_password(
    connection: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AUDIO_CATALOGUE", raising=False)
    monkeypatch.setenv("AIRFLOW_CONN_AUDIO_CATALOGUE", connection)
    with pytest.raises(CatalogueError) as caught:
        catalogue_url(None)
    assert "AIRFLOW_CONN_AUDIO_CATALOGUE" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_an_address_that_is_none_is_refused_without_its_password() -> None:
    with pytest.raises(CatalogueError) as caught:
        catalogue_url("postgresql://u:hidden@h:port/d")
    assert "hidden" not in str(caught.value)
