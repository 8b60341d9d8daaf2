"""A row that the database refuses leaves the others of its transaction; trouble of the database itself ends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, open_catalogue
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.row_isolation import LONGEST_REASON, RowRefused, one_row
from oss_audio_core.catalogue.schema import lease, source


@pytest.fixture
def catalogue(catalogue_url: sa.URL) -> Iterator[Catalogue]:
    opened = open_catalogue(catalogue_url)
    yield opened
    opened.close()


def row(key: str, **values: Any) -> dict[str, Any]:
    at = now()
    given = {"bucket": "b", "key": key, "etag": "E", "size": 1, "last_modified": at, "first_listed_at": at}
    return {**given, **values}


@pytest.mark.parametrize(
    "values",
    [
        {"probe": {"peak": float("inf")}},
        {"size": 1 << 70},
        {"etag": "half a pair \ud800"},
        {"size": None},
        {"last_modified": "yesterday"},
    ],
    ids=["infinity", "an integer of 70 bits", "a lone surrogate", "a missing value", "another type"],
)
def test_a_refused_row_leaves_its_neighbours(catalogue: Catalogue, values: dict[str, Any]) -> None:
    refused = []
    with catalogue.write() as connection:
        for one in (row("a"), row("odd", **values), row("z")):
            try:
                with one_row(connection):
                    connection.execute(sa.insert(source).values(**one))
            except RowRefused as refusal:
                refused.append(str(refusal))
    assert len(refused) == 1
    assert refused[0].startswith("the catalogue can't store it: ")
    assert len(refused[0]) < LONGEST_REASON + 40
    with catalogue.read() as connection:
        assert list(connection.scalars(sa.select(source.c.key).order_by(source.c.key))) == ["a", "z"]


def test_what_was_written_of_the_refused_row_is_taken_back(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        with pytest.raises(RowRefused), one_row(connection):
            connection.execute(sa.insert(source), [row("z"), row("a"), row("a")])
        assert connection.scalar(sa.select(sa.func.count()).select_from(source)) == 0


def test_trouble_of_the_database_is_no_row_s(catalogue: Catalogue) -> None:
    missing = sa.table("no_such_table", sa.column("a"))
    with pytest.raises(sa.exc.DBAPIError), catalogue.write() as connection, one_row(connection):
        connection.execute(sa.insert(missing).values(a=1))
    with catalogue.write() as connection:
        connection.execute(sa.insert(lease).values(name="n", owner="o", until=now()))


def test_a_nul_is_postgresqls_refusal_and_storable_on_sqlite(catalogue: Catalogue) -> None:
    try:
        with catalogue.write() as connection, one_row(connection):
            connection.execute(sa.insert(source).values(**row("n\x00l")))
    except RowRefused as refusal:
        assert "NUL" in str(refusal)  # noqa: PT017 - one of the two databases refuses
    with catalogue.read() as connection:
        assert len(list(connection.scalars(sa.select(source.c.key)))) <= 1
