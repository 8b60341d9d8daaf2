"""Batches: found again by their name, planned once, and their listing is theirs alone."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, NoSuchBatch, State, batches
from oss_audio_core.catalogue.batches import ListedObject
from oss_audio_core.catalogue.schema import batch, batch_conversion, listing
from tests.include.oss_audio_core.catalogue.conftest import DAY, Library


def listed(*keys: str, etag: str = "E") -> list[ListedObject]:
    return [ListedObject("media", key, etag, 1, DAY) for key in keys]


def test_a_run_finds_its_batch_again_and_may_change_the_request_until_it_is_planned(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        first = batches.open_batch(connection, "nightly/1", {"bucket": "a"})
        again = batches.open_batch(connection, "nightly/1", {"bucket": "b"}, dry_run=True)
        assert (again.id, again.uid, again.params, again.dry_run) == (first.id, first.uid, {"bucket": "b"}, True)
        batches.end_planning(connection, first.id, {"new": 2})
        planned = batches.open_batch(connection, "nightly/1", {"bucket": "c"})
        other = batches.open_batch(connection, "nightly/2", {"bucket": "c"})
    assert (planned.params, planned.dry_run, planned.decisions) == ({"bucket": "b"}, True, {"new": 2})
    assert planned.planned_at is not None
    assert (other.id == first.id, other.uid == first.uid, other.planned_at) == (False, False, None)


def test_a_batch_of_a_catalogue_that_was_replaced_is_not_found(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        known = batches.open_batch(connection, "nightly/1", {})
        assert batches.get_batch(connection, known.id, known.uid) == known
        with pytest.raises(NoSuchBatch, match="was it replaced"):
            batches.get_batch(connection, known.id, "00000000")
        with pytest.raises(NoSuchBatch):
            batches.get_batch(connection, known.id + 1)


def test_a_listing_is_begun_anew_per_batch_and_dropped_with_the_plan(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        one, two = (batches.open_batch(connection, f"nightly/{number}", {}).id for number in (1, 2))
        batches.add_listed(connection, one, [])
        assert not batches.has_listing(connection, one)
        batches.add_listed(connection, one, listed("a", "b"))
        batches.add_listed(connection, one, listed("b", "c", etag="later"))
        batches.add_listed(connection, two, listed("a"))
        rows = connection.execute(sa.select(listing.c.key, listing.c.etag).where(listing.c.batch_id == one))
        assert sorted(tuple(row) for row in rows) == [("a", "E"), ("b", "E"), ("c", "later")]
        batches.begin_listing(connection, one)
        assert (batches.has_listing(connection, one), batches.has_listing(connection, two)) == (False, True)
        batches.end_listing(connection, two, listed=1, passed_over={"excluded": 3})
        batches.end_planning(connection, two, {})
        ended = batches.get_batch(connection, two)
        assert not batches.has_listing(connection, two)
    assert (ended.listed, ended.passed_over) == (1, {"excluded": 3})


def test_a_reported_batch_is_open_again_when_its_run_goes_on(catalogue: Catalogue, library: Library) -> None:
    number = library.batch("nightly/1", [library.add("a.wav", state=State.PLANNED)])
    statement = sa.select(batch.c.reported_at).where(batch.c.id == number)
    with catalogue.write() as connection:
        assert connection.scalar(statement) is not None
        batches.open_batch(connection, "nightly/1", {})
        assert connection.scalar(statement) is None
        batches.end_batch(connection, number, "another")
        assert connection.scalar(statement) is None
        batches.end_batch(connection, number, "abcd1234")
        assert connection.scalar(statement) is not None


def test_shards_are_in_order_and_each_is_named_once(catalogue: Catalogue, library: Library) -> None:
    number = library.batch("nightly/1", [library.add(f"{name}.wav", state=State.PLANNED) for name in "abc"])
    with catalogue.write() as connection:
        for ordinal, shard in enumerate((10, 2, 10)):
            here = batch_conversion.c.ordinal == ordinal
            connection.execute(sa.update(batch_conversion).where(here).values(shard=shard))
        assert batches.shards_of(connection, number) == [2, 10]
        assert batches.shards_of(connection, number + 1) == []


def test_a_stored_decision_of_an_earlier_version_has_its_present_name(catalogue: Catalogue) -> None:
    """The literal is what version 0.1.0 stored; the row keeps it."""
    stored = '{"failed, resting": 3, "joined": 1}'
    with catalogue.write() as connection:
        number = batches.open_batch(connection, "nightly/1", {}).id
        update = sa.text("UPDATE batch SET decisions = :stored WHERE id = :id")
        if connection.dialect.name == "postgresql":
            update = sa.text("UPDATE batch SET decisions = CAST(:stored AS json) WHERE id = :id")
        connection.execute(update, {"stored": stored, "id": number})
        assert batches.get_batch(connection, number).decisions == {"failed, backing off": 3, "joined": 1}
        assert connection.scalar(sa.text("SELECT CAST(decisions AS text) FROM batch")) == stored
