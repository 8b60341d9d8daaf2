"""Where the catalogue is, in every form of connection; and SQLite only on one machine."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import log
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.hooks.catalogue import CatalogueHook
from oss_audio.hooks.executors import executors_that_leave_the_machine
from oss_audio_core.catalogue.database_url import LIBPQ_OPTIONS, Address

Define = Callable[[str, str], None]


def fields(**values: Any) -> str:
    return json.dumps(values)


POSTGRES = {
    "conn_type": "postgres",
    "host": "db.example.com",
    "login": "audio",
    "password": "p@ss/word",
    "schema": "cat",
}
BARE = "postgresql+psycopg2://db.example.com"
URL = "postgresql+psycopg2://audio:p%40ss%2Fword@db.example.com"


@pytest.mark.parametrize(
    ("value", "url"),
    [
        (fields(**POSTGRES), f"{URL}/cat"),
        (fields(**POSTGRES, port=6432), f"{URL}:6432/cat"),
        (
            fields(**POSTGRES, extra={"sslmode": "require", "cursor": "dictcursor"}),
            f"{URL}/cat?sslmode=require",
        ),
        ("postgres://audio:p%40ss%2Fword@db.example.com:5432/cat", f"{URL}:5432/cat"),
        ("postgresql://audio:p%40ss%2Fword@db.example.com/cat?connect_timeout=5", f"{URL}/cat?connect_timeout=5"),
        ("postgresql+psycopg2://audio:p%40ss%2Fword@db.example.com/cat", f"{URL}/cat"),
        (fields(conn_type="generic", host=f"{URL}/cat"), f"{URL}/cat"),
        (fields(conn_type="generic", extra={"url": f"{URL}/cat"}), f"{URL}/cat"),
        (
            fields(conn_type="generic", host="postgresql+psycopg2://audio@db.example.com/cat", password="p@ss/word"),
            f"{URL}/cat",
        ),
        ("sqlite:////data/audio catalogue.db", "sqlite:////data/audio catalogue.db"),
        ("sqlite:////data/audio.db?timeout=60", "sqlite:////data/audio.db"),
        ("sqlite://%2FData%2Faudio.db", "sqlite:////Data/audio.db"),
        (
            "postgres://audio:p%40ss%2Fword@db.example.com/cat?__extra__=%7B%22connect_timeout%22%3A+5%7D",
            f"{URL}/cat?connect_timeout=5",
        ),
        (
            fields(**POSTGRES, extra=json.dumps({"options": "-csearch_path=audio", "sslmode": "verify-full"})),
            f"{URL}/cat?options=-csearch_path%3Daudio&sslmode=verify-full",
        ),
        (fields(conn_type="generic", host="postgres://db.example.com/cat", login="nobody"), f"{BARE}/cat"),
        (fields(conn_type="sqlite", host="/data/audio.db"), "sqlite:////data/audio.db"),
        (fields(conn_type="sqlite", schema="/data/audio.db"), "sqlite:////data/audio.db"),
        (fields(conn_type="generic", host="sqlite:////data/audio.db"), "sqlite:////data/audio.db"),
    ],
)
async def test_every_form(connection: Define, value: str, url: str) -> None:
    connection("audio_catalogue", value)
    hook = CatalogueHook()
    assert hook.url.render_as_string(hide_password=False) == url
    assert await CatalogueHook().aurl() == hook.url
    # The command line reads the same environment without Airflow, and must not look elsewhere.
    address = Address.parse(value)
    assert address.url() == hook.url
    for text in (repr(hook.url), str(hook.url), repr(address)):
        assert "p@ss/word" not in text
        assert "p%40ss%2Fword" not in text


@pytest.mark.parametrize("kind", ["worker", "triggerer"])
async def test_airflows_log_masker_learns_a_password_inside_a_url(connection: Define, kind: str) -> None:
    secret, other = f"canary-{kind}-password", f"canary-{kind}-sslpassword"
    address = f"postgresql://a@h/d?password={secret}&sslpassword={other}"
    connection("audio_catalogue", fields(conn_type="generic", host=address))
    assert secret in str(log.redact(f"before {secret}"))
    hook = CatalogueHook()
    _ = hook.url if kind == "worker" else await hook.aurl()
    assert log.redact(f"{secret} and {other}") == "*** and ***"


@pytest.mark.parametrize("option", sorted(LIBPQ_OPTIONS))
def test_the_page_names_every_option(option: str) -> None:
    page = Path(__file__).parents[4] / "docs" / "configuration.md"
    assert f"`{option}`" in page.read_text(encoding="utf-8")


async def test_no_connection_means_a_file_in_airflows_home() -> None:
    expected = f"sqlite:///{os.environ['AIRFLOW_HOME']}/audio_catalogue.db"
    assert CatalogueHook().url.render_as_string() == expected
    assert (await CatalogueHook().aurl()).render_as_string() == expected


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        (fields(**{**POSTGRES, "host": ""}), "its host is missing"),
        (fields(**{**POSTGRES, "schema": None}), "its schema (the database's name) is missing"),
        ("sqlite:///data/audio.db", "must be absolute"),
        ("sqlite://", "must be absolute"),
        (fields(conn_type="sqlite", host=":memory:"), "must be absolute"),
        (fields(conn_type="generic", host="sqlite://"), "must be absolute"),
        (fields(conn_type="generic"), "it has no database URL"),
        (fields(conn_type="generic", host="p@ss/word"), "can't be parsed"),
        (fields(conn_type="generic", host="postgresql://a:p@h:port/x"), "can't be parsed"),
        (fields(conn_type="generic", host="mysql://audio:p@ss/word@db/cat"), "not on 'mysql'"),
        ("{p@ss/word", "AIRFLOW_CONN_AUDIO_CATALOGUE is set, but it is neither"),
    ],
)
async def test_a_wrong_connection_is_named(connection: Define, value: str, complaint: str) -> None:
    connection("audio_catalogue", value)
    with pytest.raises(AirflowFailException) as on_worker:
        _ = CatalogueHook().url
    with pytest.raises(AirflowFailException) as on_triggerer:
        await CatalogueHook().aurl()
    for caught in (on_worker, on_triggerer):
        assert complaint in str(caught.value)
        assert "'audio_catalogue'" in str(caught.value)
        assert "p@ss" not in str(caught.value)
        assert "ss/word" not in str(caught.value)


@pytest.mark.parametrize(
    ("executor", "elsewhere"),
    [
        ("LocalExecutor", []),
        ("airflow.executors.local_executor.LocalExecutor", []),
        ("CeleryExecutor", ["CeleryExecutor"]),
        ("LocalExecutor,CeleryExecutor", ["CeleryExecutor"]),
        ("LocalExecutor, big:my.module.FarAwayExecutor", ["FarAwayExecutor"]),
        ("LocalExecutor;team1=CeleryExecutor,LocalExecutor", ["CeleryExecutor"]),
    ],
)
def test_executors(monkeypatch: pytest.MonkeyPatch, executor: str, elsewhere: list[str]) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    assert executors_that_leave_the_machine() == elsewhere


@pytest.mark.parametrize("value", [None, "sqlite:////data/audio.db"])
async def test_sqlite_is_refused_where_tasks_leave_the_machine(
    connection: Define, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    if value is not None:
        connection("audio_catalogue", value)
    refusal = r"CeleryExecutor runs tasks on other machines.*PostgreSQL"
    with pytest.raises(AirflowFailException, match=refusal):
        _ = CatalogueHook().url
    with pytest.raises(AirflowFailException, match=refusal):
        await CatalogueHook().aurl()


async def test_sqlite_is_refused_in_a_pod_of_the_kubernetes_executor(monkeypatch: pytest.MonkeyPatch) -> None:
    # As Airflow's Helm chart has its pods: each is one machine to itself.
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    monkeypatch.setenv("AIRFLOW_IS_K8S_EXECUTOR_POD", "True")
    refusal = r"KubernetesExecutor runs tasks on other machines.*PostgreSQL"
    with pytest.raises(AirflowFailException, match=refusal):
        _ = CatalogueHook().url
    with pytest.raises(AirflowFailException, match=refusal):
        await CatalogueHook().aurl()


def test_postgresql_serves_every_executor(connection: Define, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    connection("audio_catalogue", fields(**POSTGRES))
    assert CatalogueHook().url.get_backend_name() == "postgresql"
