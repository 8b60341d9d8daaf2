"""From 0001 to 0002 and back, with data in the tables: nothing that 0001 knew is lost either way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.engine import Connection, Engine

from oss_audio_core.catalogue import check_results, open_catalogue
from oss_audio_core.catalogue.conversions import Attempt
from oss_audio_core.catalogue.migrations.runner import config
from oss_audio_core.catalogue.schema import check_result, conversion, metadata, rendition, source
from oss_audio_core.catalogue.views import attempt_history, published_rendition, source_ladder, views

AT = "2026-03-01 02:00:00.000000"
PROBE = {"codec": "pcm_s16le", "sample_rate": 44100, "channels": 2, "duration": 2.5, "container": "wav"}
MEASURED = {"codec": "flac", "container": "flac", "bits_per_sample": 24}
CHECKS = [
    {"name": "codec", "expected": "flac: 'free'", "measured": "flac", "passed": True},
    {"name": "duration", "expected": "2.500 s", "measured": "2.000 s", "passed": False},
]


@pytest.fixture
def engine(empty_database: sa.URL) -> Iterator[Engine]:
    engine = sa.create_engine(empty_database)
    with engine.begin() as connection:
        command.upgrade(config(connection), "0001")
        fill_0001(connection)
    yield engine
    engine.dispose()


def fill_0001(connection: Connection) -> None:
    """Rows as revision 0001 has them, a conversion for every form that a JSON column of its may have."""

    def insert(table: str, **values: Any) -> None:
        names = ", ".join(values)
        marks = ", ".join(f":{name}" for name in values)
        connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)

    for number, key in enumerate(["歌/a.wav", "b.wav", "c.wav"], 1):
        insert(
            "source",
            bucket="media",
            key=key,
            etag="E",
            size=10,
            last_modified=AT,
            first_listed_at=AT,
            probe=[json.dumps(PROBE), "null", None][number - 1],
        )
        insert(
            "conversion",
            source_id=number,
            bucket="media",
            key=key,
            profile="flac",
            digest="d",
            process="p",
            target_bucket="media",
            target_key=f"{key}.flac",
            publish="staged",
            generation=1,
            newest=True,
            state="published",
            attempt=number,
            max_attempts=3,
            measured=[json.dumps(MEASURED), "null", None][number - 1],
            checks=[json.dumps(CHECKS), "null", None][number - 1],
            created_at=AT,
            changed_at=AT,
        )
        insert(
            "rendition",
            bucket="media",
            key=f"{key}.flac",
            conversion_id=number,
            source_id=number,
            profile="flac",
            codec="flac",
            sample_rate=44100,
            channels=2,
            duration=2.5,
            size=5,
            etag="R",
            published_at=AT,
        )


def old_rows(connection: Connection) -> dict[str, list[dict[str, Any]]]:
    """Everything in the tables of 0001, as the database gives it."""
    names = ("batch", "source", "conversion", "rendition", "notification", "lease", "listing", "batch_conversion")
    tables = sa.MetaData()
    tables.reflect(connection, only=names)
    found = {}
    for name in names:
        table = tables.tables[name]
        rows = connection.execute(sa.select(table).order_by(*table.primary_key.columns)).mappings()
        found[name] = [{key: value for key, value in row.items() if value not in (None, "null")} for row in rows]
    return found


def test_what_0001_had_is_in_0002s_places(engine: Engine, empty_database: sa.URL) -> None:
    opened = open_catalogue(empty_database)
    with opened.read() as connection:
        first, *others = connection.execute(sa.select(source).order_by(source.c.id)).all()
        assert (first.codec, first.sample_rate, first.channels, first.duration) == ("pcm_s16le", 44100, 2, 2.5)
        assert [(other.codec, other.duration) for other in others] == [(None, None), (None, None)]
        made = connection.execute(sa.select(rendition).order_by(rendition.c.id)).all()
        assert [(one.source_bucket, one.source_key) for one in made] == [
            ("media", "歌/a.wav"),
            ("media", "b.wav"),
            ("media", "c.wav"),
        ]
        assert [(one.container, one.bits_per_sample, one.duration_exact) for one in made] == [
            ("flac", 24, False),
            (None, None, False),
            (None, None, False),
        ]
        assert connection.scalar(sa.select(sa.func.count()).select_from(check_result)) == 2
        assert [vars(one) for one in check_results.of_attempt(connection, Attempt(1, 1))] == [
            {"name": "codec", "expected": "flac: 'free'", "measured": "flac", "verdict": "passed"},
            {"name": "duration", "expected": "2.500 s", "measured": "2.000 s", "verdict": "failed"},
        ]
        assert len(connection.execute(sa.select(published_rendition)).all()) == 3
    opened.close()


def test_down_again_is_what_it_was(engine: Engine) -> None:
    with engine.begin() as connection:
        before = old_rows(connection)
        columns = {table: sa.inspect(connection).get_columns(table) for table in before}
        indexes = {table: sa.inspect(connection).get_indexes(table) for table in before}
    with engine.begin() as connection:
        command.upgrade(config(connection), "0002")
    with engine.begin() as connection:
        command.downgrade(config(connection), "0001")
    with engine.begin() as connection:
        assert sa.inspect(connection).get_view_names() == []
        assert set(sa.inspect(connection).get_table_names()) == {*before, "alembic_version"}
        after = old_rows(connection)
        for table in before:
            described = sa.inspect(connection).get_columns(table)
            assert _by_name(described) == _by_name(columns[table])
            assert _by_name(sa.inspect(connection).get_indexes(table)) == _by_name(indexes[table])
    for rows in (before, after):
        for row in rows["conversion"]:
            if isinstance(row.get("checks"), str):
                row["checks"] = json.loads(row["checks"])
    assert after == before


def test_up_down_and_up_again_keeps_the_checks_of_current_attempts(engine: Engine) -> None:
    for revision in ("0002", "0001", "0002"):
        with engine.begin() as connection:
            go = command.upgrade if revision == "0002" else command.downgrade
            go(config(connection), revision)
    with engine.begin() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(check_result)) == 2
        assert connection.scalar(sa.select(sa.func.count()).select_from(conversion)) == 3


def test_the_views_have_the_columns_that_they_are_said_to_have(empty_database: sa.URL) -> None:
    opened = open_catalogue(empty_database)
    with opened.read() as connection:
        assert set(sa.inspect(connection).get_view_names()) == set(views.tables)
        for view in (published_rendition, source_ladder, attempt_history):
            there = [column["name"] for column in sa.inspect(connection).get_columns(view.name)]
            assert there == [column.name for column in view.c]
            assert connection.execute(sa.select(view)).all() == []
    opened.close()


def test_every_table_and_column_says_what_it_is() -> None:
    for tables in (metadata, views):
        for table in tables.sorted_tables:
            assert table.comment, table.name
            assert [column.name for column in table.c if not column.comment] == [], table.name


def _by_name(rows: list[Any]) -> dict[str, str]:
    """Without what has no value to compare: the texts of partial indexes' conditions are objects."""
    return {row["name"]: str(sorted((k, str(v)) for k, v in row.items() if k != "dialect_options")) for row in rows}
