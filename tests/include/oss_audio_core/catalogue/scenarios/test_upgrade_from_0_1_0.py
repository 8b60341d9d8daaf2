"""A catalogue as version 0.1.0 left it opens, migrates, keeps every row, and its stored JSON is read as before.

`catalogue_0_1_0.sql` is a dump of a SQLite catalogue that version 0.1.0 wrote: a night with published, quarantined and
failed outputs, a retry, a forced generation, a dry run with every parameter of a request, and a single conversion.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from oss_audio_core.catalogue import Catalogue, State, Verb, batches, conversions, open_catalogue
from oss_audio_core.catalogue.conversions import CHUNK
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.manifest import ladder_manifest
from oss_audio_core.catalogue.migrations.head import HEAD
from oss_audio_core.catalogue.migrations.runner import config
from oss_audio_core.catalogue.parquet_export import export_all
from oss_audio_core.catalogue.sources import known_sources
from oss_audio_core.pipeline.batch_request import BatchRequest
from oss_audio_core.pipeline.candidates import Order
from oss_audio_core.pipeline.decisions import Decision
from oss_audio_core.pipeline.measures import Measures
from oss_audio_core.pipeline.reporting import build_report, render
from oss_audio_core.pipeline.source_measures import SourceMeasures

DUMP = Path(__file__).with_name("catalogue_0_1_0.sql")
OLD_HEAD = "0004"
TABLES = (
    *("batch", "listing", "source", "conversion", "attempt", "check_result", "batch_conversion", "notification"),
    *("rendition", "export", "lease"),
)
"""Of schema 0004, each after those that it refers to."""

REQUESTS = {
    1: BatchRequest("audio", ("night/",), profiles=("mobile-mp3",)),
    4: BatchRequest(
        "audio",
        ("night/", "more/"),
        include=("*.wav",),
        exclude=("*bad*",),
        staging=".staging/",
        catalogue="catalogue/",
        min_size=1,
        max_size=1_000_000_000,
        modified_from=datetime(2026, 1, 1, tzinfo=UTC),
        modified_before=datetime(2027, 1, 1, tzinfo=UTC),
        restore=True,
        profiles=("mobile-mp3",),
        target_bucket="audio",
        start=100,
        duration=200,
        leftovers=False,
        force=True,
        limit=5,
        max_attempts=2,
        order=Order("smallest"),
        never_degrade=True,
        dry_run=True,
    ),
    5: BatchRequest(
        "audio",
        ("night/b.wav",),
        single={"convert": "audio/convert,f_mp3,ab_96000", "bucket": "audio", "key": "single/b.mp3"},
    ),
}
"""What the runs of the dump asked for, by batch."""


def dumped() -> sqlite3.Connection:
    memory = sqlite3.connect(":memory:")
    memory.executescript(DUMP.read_text(encoding="utf-8"))
    return memory


def copy_to_postgresql(url: sa.URL) -> None:
    """Bring the dump's rows into tables of schema 0004."""
    engine = sa.create_engine(url)
    memory = dumped()
    with engine.begin() as connection:
        command.upgrade(config(connection), OLD_HEAD)
        tables = sa.MetaData()
        tables.reflect(connection, only=TABLES)
        for name in TABLES:
            rows = memory.execute(f"SELECT * FROM {name}")
            names = [column[0] for column in rows.description]
            flags = {column.name for column in tables.tables[name].c if isinstance(column.type, sa.Boolean)}
            values = ", ".join(f":{column}" for column in names)
            insert = sa.text(f"INSERT INTO {name} ({', '.join(names)}) VALUES ({values})")
            for row in rows:
                given = dict(zip(names, row, strict=True))
                connection.execute(insert, given | {flag: bool(given[flag]) for flag in flags})
            if "id" in names:
                last = f"(SELECT max(id) FROM {name})"
                connection.exec_driver_sql(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {last})")
    memory.close()
    engine.dispose()


def rows_of(url: sa.URL) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table of schema 0004, as the database gives it."""
    engine = sa.create_engine(url)
    found = {}
    with engine.connect() as connection:
        tables = sa.MetaData()
        tables.reflect(connection, only=TABLES)
        for name in TABLES:
            table = tables.tables[name]
            rows = connection.execute(sa.select(table).order_by(*table.primary_key.columns)).mappings()
            found[name] = [dict(row) for row in rows]
    engine.dispose()
    return found


@pytest.fixture
def old_url(empty_database: sa.URL) -> sa.URL:
    """A catalogue of version 0.1.0, on each database."""
    if empty_database.get_backend_name() == "sqlite":
        raw = sqlite3.connect(str(empty_database.database))
        raw.executescript(DUMP.read_text(encoding="utf-8"))
        raw.close()
    else:
        copy_to_postgresql(empty_database)
    return empty_database


@pytest.fixture
def upgraded(old_url: sa.URL) -> Iterator[Catalogue]:
    opened = open_catalogue(old_url)
    yield opened
    opened.close()


def test_every_row_is_kept(old_url: sa.URL) -> None:
    before = rows_of(old_url)
    assert {name: len(rows) for name, rows in before.items()} == {
        "batch": 5,
        "listing": 2,
        "source": 3,
        "conversion": 13,
        "attempt": 4,
        "check_result": len(before["check_result"]),
        "batch_conversion": 17,
        "notification": 14,
        "rendition": 5,
        "export": 1,
        "lease": 1,
    }
    assert len(before["check_result"]) > 30
    opened = open_catalogue(old_url)
    with opened.read() as connection:
        assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == HEAD
    opened.close()
    after = rows_of(old_url)
    for name in TABLES:
        columns = list(before[name][0])
        assert [{column: row[column] for column in columns} for row in after[name]] == before[name], name


@pytest.mark.parametrize("batch_id", sorted(REQUESTS))
def test_a_stored_request_means_what_it_meant(upgraded: Catalogue, batch_id: int) -> None:
    with upgraded.read() as connection:
        batch = batches.get_batch(connection, batch_id)
    assert BatchRequest.from_json(batch.params) == REQUESTS[batch_id]
    assert batch.dry_run is (batch_id == 4)


def test_stored_decisions_and_counts_are_known_by_their_names(upgraded: Catalogue) -> None:
    with upgraded.read() as connection:
        found = {number: batches.get_batch(connection, number) for number in range(1, 6)}
        wanted = connection.scalars(sa.text("SELECT DISTINCT decision FROM batch_conversion")).all()
    assert {number: dict(batch.decisions) for number, batch in found.items()} == {
        1: {Decision.NEW: 9},
        2: {Decision.RETRY: 4},
        3: {Decision.FORCED: 3},
        4: {},
        5: {Decision.NEW: 1},
    }
    assert found[4].passed_over == {"excluded": 1}
    assert {Decision(name) for name in wanted} == {Decision.NEW, Decision.RETRY, Decision.FORCED}


def test_stored_measures_of_outputs_are_read(upgraded: Catalogue) -> None:
    with upgraded.read() as connection:
        rows = conversions.fetch(connection, sa.true())
        earlier = connection.execute(
            sa.text("SELECT count(*) FROM attempt WHERE CAST(measured AS text) LIKE '%probe%'")
        )
        assert earlier.scalar_one() == 1
    assert {State(row.state) for row in rows} >= {State.PUBLISHED, State.PLANNED}
    measured = {row.id: Measures.from_json(row.measured) for row in rows if row.measured is not None}
    assert len(measured) >= 5
    one = measured[1]
    assert (one.depth, one.policy, one.crc64, one.content_type) == (
        "decode",
        "decode",
        "17222365886691666039",
        "audio/flac",
    )
    assert (one.probe.codec, one.probe.sample_rate, one.probe.bits_per_sample) == ("flac", 44100, 16)
    decoded = one.decoded()
    assert decoded is not None
    assert (decoded.samples, decoded.integrated, decoded.peaks) == (22050, -12.105, (-11.23, -11.23))
    assert (one.waveform or {})["samples_per_pixel"] == 256
    assert {tuple(sorted(two.side)) for two in measured.values()} == {(), ("picture", "waveform")}
    assert {two.depth for two in measured.values()} == {"decode", "probe"}


def test_stored_measures_of_sources_are_read(upgraded: Catalogue) -> None:
    with upgraded.read() as connection:
        known = known_sources(connection, [1, 2, 3])
    assert set(known) == {1, 3}
    source = SourceMeasures.from_known(known[1])
    assert (source.probe.codec, source.crc64) == ("pcm_s16le", "11693527553413344153")
    assert source.inspection is not None
    assert source.measured is source.inspection


def test_reports_ladders_and_exports_are_made_of_it(upgraded: Catalogue, tmp_path: Path) -> None:
    report = build_report(upgraded, 1, "eb44df01")
    assert report.summary() == {
        "listed": 3,
        "wanted": 9,
        "published": 5,
        "failed": 2,
        "skipped": 0,
        "known_failures": 0,
    }
    assert "\nExported: `oss://audio/night-catalogue/dt=2026-11-30/run-1-eb44df01.parquet`, 5 rows.\n" in render(report)
    with upgraded.read() as connection:
        manifest = ladder_manifest(connection, "audio", "night/歌.wav")
    assert manifest is not None
    assert {one["profile"] for one in manifest["renditions"]} == {"decoded", "beside", "probed"}
    assert export_all(upgraded, str(tmp_path)).rows == 5


def test_the_next_run_goes_on_with_it(upgraded: Catalogue) -> None:
    with upgraded.write() as connection:
        planned = conversions.of_batch(connection, 3, [State.PLANNED], limit=CHUNK)
        lease_until = now() + timedelta(minutes=1)
        ids = [one.id for one in planned]
        claimed = conversions.claim(connection, Verb.CLAIM, ids, token="t", lease_until=lease_until, endpoint="e")
        assert len(claimed) == len(planned) > 0
        again = batches.open_batch(connection, "night/1", {})
        assert (again.id, again.uid, again.params["bucket"]) == (2, "1c76ceba", "audio")
        assert batches.open_batch(connection, "night/3", {}).id > 5
