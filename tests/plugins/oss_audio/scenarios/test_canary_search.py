"""Whole batches with every form of the catalogue's address, and errors of every kind: no place has a secret."""

from __future__ import annotations

import json
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from airflow.sdk.exceptions import TaskDeferred
from typer.testing import CliRunner

from oss_audio.operators.report import OSSAudioReportOperator
from oss_audio.sensors.convert import OSSAudioConvertSensor
from oss_audio_core.catalogue.cli import app
from tests.canaries import Canaries, command_lines, files, objects, tables
from tests.include.conftest import postgres_catalogue, postgres_database, postgres_server  # noqa: F401 - fixtures
from tests.plugins.oss_audio.conftest import Run

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment
    from tools.cloud_process import CloudProcess

PASSWORD, SSL_PASSWORD, TOKEN = "canary p@ss/word", "canary:sslp@ss", "canary-security-token"
ENCODED, SSL = quote(PASSWORD, safe=""), quote(SSL_PASSWORD, safe="")


def as_json(kind: str, **fields: Any) -> str:
    return json.dumps({"conn_type": kind, **fields})


FORMS: dict[str, Callable[[sa.URL], str]] = {
    "a URI": lambda url: f"postgres://postgres:{ENCODED}@{url.host}:{url.port}/{url.database}?sslpassword={SSL}",
    "a URI with an unescaped @": lambda url: f"postgres://postgres:canary p@ss@{url.host}:{url.port}/{url.database}",
    "fields": lambda url: as_json(
        "postgres", host=url.host, port=url.port, schema=url.database, login="postgres", password=PASSWORD
    ),
    "a URL with the password in its query": lambda url: as_json(
        "generic",
        host=f"postgresql://postgres@{url.host}:{url.port}/{url.database}?password={ENCODED}&sslpassword={SSL}",
    ),
    "several hosts": lambda url: as_json(
        "generic",
        extra={"url": f"postgresql://postgres:{ENCODED}@127.0.0.1:1,{url.host}:{url.port}/{url.database}"},
    ),
    "keywords of libpq": lambda url: as_json(
        "generic",
        host=f"host={url.host} port={url.port} user=postgres password='{PASSWORD}' dbname={url.database}",
    ),
}

MISTAKES: dict[str, str] = {
    "a server that is away": f"postgres://u:{ENCODED}@127.0.0.1:1/d?sslpassword={SSL}",
    "an unescaped @": as_json("generic", host=f"postgresql://u:{PASSWORD}@127.0.0.1:1/d"),
    "another database": as_json("generic", host=f"mysql://u:{PASSWORD}@h/d"),
    "a scheme that does not exist": as_json("generic", host=f"x+y://u:{PASSWORD}@h/d?password={PASSWORD}"),
    "a password in the host": as_json("postgres", host=f"u:{PASSWORD}@h", schema="d"),
    "half of the keywords": as_json("generic", host=f"host=h password='{PASSWORD}"),
}


@pytest.fixture
def own(deployment: Deployment, start_local_cloud: Callable[..., CloudProcess]) -> Deployment:
    """A deployment with STS credentials, and sources of which some fail."""
    own = replace(deployment, cloud=start_local_cloud(security_token=TOKEN))
    own.connect(
        oss={"auth_type": "STS", "security_token": TOKEN},
        smq={"extra": {"queue": own.cloud.queue, "topic": own.cloud.topic, "security_token": TOKEN}},
    )
    own.put("a.wav")
    own.put("bad.wav", b"no audio at all")
    return own


@pytest.fixture
def canaries(own: Deployment) -> Canaries:
    return Canaries(
        {
            "the password": PASSWORD,
            "a part of the password": "ss/word",
            "the sslpassword": SSL_PASSWORD,
            "the access key's secret": own.cloud.access_key_secret,
            "the STS token": TOKEN,
        }
    )


@pytest.mark.parametrize("form", FORMS)
def test_a_batch_leaves_no_secret_anywhere(
    own: Deployment,
    canaries: Canaries,
    request: pytest.FixtureRequest,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    form: str,
) -> None:
    database = request.getfixturevalue("postgres_database")(request.getfixturevalue("postgres_catalogue"))
    with database as url:
        own.define("audio_catalogue", FORMS[form](url))
        run = Run(own, "canary").through("convert")
        with pytest.raises(TaskDeferred) as deferred:
            OSSAudioConvertSensor(task_id="await", shard=run.shards[0]).execute(run.context)
        run.tasks("await", "verify", "publish", "export")
        report = OSSAudioReportOperator(
            task_id="report", batch=run.listed, reports=str(tmp_path / "reports"), failure_threshold=50
        )
        run.report = report.execute(run.context)
        captured = capsys.readouterr()
        places = {
            "standard output and the task logs": captured.out,
            "standard error": captured.err,
            "XComs": json.dumps([run.listed, run.shards, run.report]),
            "asset events": repr(run.context["outlet_events"]),
            "arguments of the trigger": json.dumps(deferred.value.trigger.serialize()),
            "rendered templates": repr([vars(report).get(name) for name in report.template_fields]),
            **dict(files(tmp_path / "reports")),
            **dict(tables(url)),
            **dict(objects(own.oss.bucket(own.cloud.bucket))),
            "the local cloud's log": own.cloud.log,
            **dict(command_lines([own.cloud.pid])),
            **dict(command_line_outputs()),
        }
    assert canaries.found(places.items()) == []
    # The search has seen the places: each has something of the run.
    prefix = own.prefix.rstrip("/")
    for place in ("standard output and the task logs", "table conversion", "table source", "list"):
        assert prefix in places[place], place
    assert any(".parquet" in place and prefix in text for place, text in places.items())
    assert sum(place.endswith(".md") and prefix in text for place, text in places.items()) == 1


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_the_catalogues_address_shows_no_secret(
    own: Deployment, canaries: Canaries, capsys: pytest.CaptureFixture[str], mistake: str
) -> None:
    own.define("audio_catalogue", MISTAKES[mistake])
    try:
        Run(own, "canary").tasks("list")
    except Exception as error:  # noqa: BLE001 - whatever reaches the log
        told = "".join(traceback.format_exception(error))
    else:
        raise AssertionError(f"{mistake} was taken")
    captured = capsys.readouterr()
    places = {"the error": told, "logs": captured.out + captured.err, **dict(command_line_outputs())}
    assert canaries.found(places.items()) == []
    assert "catalogue" in told
    assert all(text.count("\n") == 1 for place, text in places.items() if place in COMMANDS), places


@pytest.mark.parametrize("field", ["access_key_secret", "security_token"])
def test_refused_credentials_are_not_shown(
    own: Deployment, canaries: Canaries, capsys: pytest.CaptureFixture[str], field: str
) -> None:
    wrong = Canaries({**canaries.secrets, "the wrong one": "canary-that-is-wrong"})
    credentials = {"auth_type": "STS", "security_token": TOKEN, field: "canary-that-is-wrong"}
    own.connect(oss=credentials)
    with pytest.raises(Exception, match="OSS") as caught:
        Run(own, "canary").tasks("list")
    captured = capsys.readouterr()
    told = "".join(traceback.format_exception(caught.value))
    assert wrong.found([("the error", told), ("logs", captured.out + captured.err)]) == []


def test_the_search_finds_a_secret_in_each_kind_of_place(own: Deployment, canaries: Canaries, tmp_path: Path) -> None:
    own.put(f"secret/{TOKEN}.wav")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "task.log").write_text(f"{ENCODED} and {PASSWORD}")
    pq.write_table(pa.table({"key": [TOKEN] * 100}), tmp_path / "logs" / "rows.parquet", compression="zstd")
    with sqlite3.connect(tmp_path / "rows.db") as database:
        database.execute("CREATE TABLE told AS SELECT ? AS message", [PASSWORD])
    database.close()
    places = [
        *files(tmp_path / "logs"),
        *tables(sa.URL.create("sqlite", database=str(tmp_path / "rows.db"))),
        *objects(own.oss.bucket(own.cloud.bucket), f"{own.prefix}secret/"),
    ]
    assert canaries.found(places) == [
        "the STS token in rows.parquet",
        "the password in task.log",
        "a part of the password in task.log",
        "the password in table told",
        "a part of the password in table told",
        f"the STS token in oss://{own.prefix}secret/{TOKEN}.wav",
    ]


COMMANDS = {
    "list": ["list", "--json"],
    "failures": ["failures", "--json"],
    "savings": ["savings"],
    "missing": ["missing", "mobile-mp3"],
    "prune": ["prune"],
}


def command_line_outputs() -> Iterator[tuple[str, str]]:
    """What the command line says, with the connection out of the environment."""
    for name, words in COMMANDS.items():
        ran = CliRunner(env={"AUDIO_CATALOGUE": None}).invoke(app, words)
        assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
        yield name, ran.output
