"""Pages of the published view: every rendition once, in order, whatever the selection."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.catalogue import Catalogue, State, browsing
from oss_audio_core.catalogue.browsing import InvalidPageToken, PublishedFilter, begins_with, page, pages, split_prefix
from oss_audio_core.catalogue.schema import ObjectKey

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library

KEYS = ["B/1.wav", "a", "a/1.wav", "a/2.wav", "a0", "b/1.wav", "é/1.wav", "歌/1.wav", "\U0001f3b5.wav"]
"""In the order of their bytes, which no language has."""


@pytest.fixture
def filled(library: Library) -> Library:
    from tests.include.oss_audio_core.catalogue.conftest import DAY

    for number, key in enumerate(reversed(KEYS)):
        library.add(key, at=DAY + timedelta(hours=number // 2))
        library.add(key, "voice", at=DAY + timedelta(hours=number // 2))
    return library


def walk(catalogue: Catalogue, wanted: PublishedFilter, limit: int) -> list[tuple[str, str]]:
    found, after = [], None
    while True:
        with catalogue.read() as connection:
            one = page(connection, wanted, limit=limit, after=after)
        assert 0 < len(one.rows) <= limit
        found += [(row["source_key"], row["profile"]) for row in one.rows]
        after = one.after
        if after is None:
            return found


@pytest.mark.parametrize("limit", [1, 3, 17, 18, 100])
def test_pages_newest_first_have_every_rendition_once(catalogue: Catalogue, filled: Library, limit: int) -> None:
    expected = [(key, profile) for key in KEYS for profile in ("voice", "mobile-mp3")]
    found = walk(catalogue, PublishedFilter(), limit)
    assert sorted(found) == sorted(expected)
    with catalogue.read() as connection:
        (every,) = pages(connection, PublishedFilter())
    assert [(row["source_key"], row["profile"]) for row in every] == found
    times = [row["published_at"] for row in every]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("few", [0, 5000])
def test_a_prefix_gives_the_order_of_keys_by_their_bytes(
    catalogue: Catalogue, filled: Library, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.include.oss_audio_core.catalogue.conftest import DAY

    monkeypatch.setattr(browsing, "FEW", few)
    assert walk(catalogue, PublishedFilter(prefix="", profile="voice"), 2) == [(key, "voice") for key in KEYS]
    assert walk(catalogue, PublishedFilter(prefix="a/", profile="voice"), 1) == [
        ("a/1.wav", "voice"),
        ("a/2.wav", "voice"),
    ]
    recent = PublishedFilter(prefix="", profile="voice", since=DAY + timedelta(hours=3), until=DAY + timedelta(hours=4))
    assert [key for key, _ in walk(catalogue, recent, 1)] == ["a", "a/1.wav"]


def test_every_condition_counts(catalogue: Catalogue, filled: Library) -> None:
    from tests.include.oss_audio_core.catalogue.conftest import DAY

    with catalogue.read() as connection:
        assert page(connection, PublishedFilter(bucket="other")).rows == []
        assert page(connection, PublishedFilter(profile="none")).rows == []
        assert len(page(connection, PublishedFilter(bucket="media", profile="voice")).rows) == len(KEYS)
        assert len(page(connection, PublishedFilter(since=DAY + timedelta(hours=4))).rows) == 2
        assert len(page(connection, PublishedFilter(until=DAY + timedelta(hours=1))).rows) == 4


@pytest.mark.parametrize("token", ["", "?", "WzFd", "e30", "eyJhIjoxfQ", "Wzd9"])
def test_a_token_of_something_else_is_refused(catalogue: Catalogue, token: str) -> None:
    with catalogue.read() as connection, pytest.raises(InvalidPageToken, match="take it from the page before"):
        page(connection, PublishedFilter(), after=token)


def test_conversions_of_a_state_in_pages(catalogue: Catalogue, library: Library) -> None:
    for number in range(5):
        library.add(f"{number}.wav", state=State.FAILED, asked={"code": "X"})
    library.add("fine.wav")
    found, after = [], None
    with catalogue.read() as connection:
        while True:
            one = browsing.conversions(connection, State.FAILED, PublishedFilter(prefix=""), limit=2, after=after)
            found += [row["key"] for row in one.rows]
            after = one.after
            if after is None:
                break
    assert found == ["4.wav", "3.wav", "2.wav", "1.wav", "0.wav"]


def test_a_prefix_may_name_its_bucket() -> None:
    assert split_prefix("a/b") == (None, "a/b")
    assert split_prefix("oss://media/a/b") == ("media", "a/b")
    assert split_prefix("oss://media") == ("media", "")


@given(st.text(max_size=4), st.lists(st.text(max_size=6), max_size=8))
def test_a_range_of_keys_is_the_prefix(prefix: str, keys: list[str]) -> None:
    keys = [key.replace("\0", "") for key in [*keys, prefix, prefix + "x"]]
    prefix = prefix.replace("\0", "")
    engine = sa.create_engine("sqlite://")
    table = sa.Table("t", sa.MetaData(), sa.Column("key", ObjectKey))
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(sa.insert(table), [{"key": key} for key in keys])
        found = connection.scalars(sa.select(table.c.key).where(begins_with(table.c.key, prefix))).all()
    engine.dispose()
    assert sorted(found) == sorted(key for key in keys if key.startswith(prefix))
