"""Pruning takes what nobody asks for, and nothing that anybody does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, check_results
from oss_audio_core.catalogue.check_results import CheckResult
from oss_audio_core.catalogue.conversions import Attempt, retry
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.pruning import RetentionPeriods, prune
from oss_audio_core.catalogue.schema import (
    attempt,
    batch,
    batch_conversion,
    check_result,
    conversion,
    listing,
    notification,
    rendition,
    source,
)

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library

YEARS = timedelta(days=1000)
NONE = dict.fromkeys(
    [
        "notifications",
        "listed objects",
        "checks of old attempts",
        "old attempts",
        "superseded conversions",
        "replaced sources",
    ],
    0,
)


def notify(catalogue: Catalogue, task_id: str, age: timedelta) -> None:
    with catalogue.write() as connection:
        row = {"queue": "q", "message_id": task_id, "task_id": task_id, "status": "Succeeded"}
        connection.execute(sa.insert(notification).values(**row, received_at=now() - age))


def list_for(catalogue: Catalogue, name: str, age: timedelta, *, reported: bool) -> None:
    with catalogue.write() as connection:
        at = now() - age
        row = {"name": name, "uid": "u", "params": {}, "passed_over": {}, "decisions": {}, "created_at": at}
        begun = connection.execute(sa.insert(batch).values(**row, reported_at=at if reported else None))
        seen = {"batch_id": begun.inserted_primary_key[0], "bucket": "b", "key": name, "etag": "E", "size": 1}
        connection.execute(sa.insert(listing).values(**seen, last_modified=at))


def replaced(library: Library, key: str, *, target: str | None = None) -> tuple[int, int]:
    """A published generation with its superseded predecessor, all of it old. Returns both, the older first."""
    at = now() - YEARS
    gone = {"newest": False, "output_key": None} | ({} if target is None else {"target_key": target})
    older = library.add(key, state=State.SUPERSEDED, at=at, etag="S1", asked=gone)
    newer = library.add(key, at=at, etag="S2", asked={"generation": 2})
    return older, newer


def remaining(catalogue: Catalogue, column: sa.Column[int]) -> list[int]:
    with catalogue.read() as connection:
        return list(connection.scalars(sa.select(column).order_by(column)))


def test_a_dry_run_counts_and_removes_nothing(catalogue: Catalogue, library: Library) -> None:
    replaced(library, "a.wav")
    notify(catalogue, "T", YEARS)
    expected = {**NONE, "notifications": 1, "superseded conversions": 1}
    assert prune(catalogue, RetentionPeriods(), dry_run=True) == expected
    assert prune(catalogue, RetentionPeriods(), dry_run=True) == expected
    assert len(remaining(catalogue, conversion.c.id)) == 2


@pytest.mark.parametrize("state", [State.SUBMITTED, State.CONVERTED, State.PUBLISHED])
def test_the_inbox_keeps_what_is_young_or_awaited(catalogue: Catalogue, library: Library, state: State) -> None:
    library.add("a.wav", state=state, asked={"task_id": "of a conversion"})
    notify(catalogue, "of a conversion", YEARS)
    notify(catalogue, "of nobody", YEARS)
    notify(catalogue, "young", timedelta(days=1))
    assert prune(catalogue, RetentionPeriods(), dry_run=False)["notifications"] == (
        2 if state is State.PUBLISHED else 1
    )
    with catalogue.read() as connection:
        left = set(connection.scalars(sa.select(notification.c.task_id)))
    assert left == ({"young"} if state is State.PUBLISHED else {"young", "of a conversion"})


def test_listings_of_reported_and_old_batches_go(catalogue: Catalogue) -> None:
    list_for(catalogue, "reported", timedelta(0), reported=True)
    list_for(catalogue, "given up", YEARS, reported=False)
    list_for(catalogue, "being planned", timedelta(0), reported=False)
    assert prune(catalogue, RetentionPeriods(), dry_run=False) == {**NONE, "listed objects": 2}
    with catalogue.read() as connection:
        assert connection.scalars(sa.select(listing.c.key)).all() == ["being planned"]
        assert connection.scalar(sa.select(sa.func.count()).select_from(batch)) == 3


def test_old_attempts_go_with_their_checks_and_the_current_one_stays(catalogue: Catalogue, library: Library) -> None:
    row = library.add("a.wav", state=State.QUARANTINED, at=now() - YEARS)
    young = library.add("b.wav", state=State.QUARANTINED, at=now())
    result = [CheckResult("codec", "mp3", "aac", "failed")]
    with catalogue.write() as connection:
        for one in (row, young):
            check_results.record(connection, Attempt(one, 1), result)
            retry(connection, [one])
            check_results.record(connection, Attempt(one, 2), result)
    assert prune(catalogue, RetentionPeriods(), dry_run=False) == {
        **NONE,
        "checks of old attempts": 1,
        "old attempts": 1,
    }
    assert remaining(catalogue, attempt.c.conversion_id) == [young]
    with catalogue.read() as connection:
        left = connection.execute(sa.select(check_result.c.conversion_id, check_result.c.attempt)).all()
    assert sorted(tuple(one) for one in left) == sorted([(row, 2), (young, 1), (young, 2)])


def test_superseded_generations_go_with_all_that_belongs_to_them(catalogue: Catalogue, library: Library) -> None:
    older, newer = replaced(library, "a.wav")
    library.batch("nightly/1", [older])
    library.batch("nightly/2", [newer])
    with catalogue.write() as connection:
        check_results.record(connection, Attempt(older, 1), [CheckResult("codec", "mp3", "mp3", "passed")])
    counts = prune(catalogue, RetentionPeriods(), dry_run=False)
    assert counts == {**NONE, "superseded conversions": 1, "replaced sources": 1}
    assert remaining(catalogue, conversion.c.id) == [newer]
    assert remaining(catalogue, batch_conversion.c.conversion_id) == [newer]
    assert remaining(catalogue, check_result.c.conversion_id) == []
    with catalogue.read() as connection:
        assert connection.scalars(sa.select(source.c.etag)).all() == ["S2"]
        assert connection.scalar(sa.select(sa.func.count()).select_from(rendition)) == 1


def test_the_last_word_on_a_key_stays(catalogue: Catalogue, library: Library) -> None:
    # What a profile that moved its target left behind is a rendition all the same: only this row still knows.
    moved, _ = replaced(library, "a.wav", target="old/place.mp3")
    staged, _ = replaced(library, "b.wav")
    young, _ = replaced(library, "c.wav")
    newest = library.add("d.wav", state=State.SUPERSEDED, at=now() - YEARS)
    with catalogue.write() as connection:
        for one, values in ((staged, {"output_key": ".staging/x/0/1-1.mp3"}), (young, {"changed_at": now()})):
            connection.execute(sa.update(conversion).where(conversion.c.id == one).values(**values))
    assert prune(catalogue, RetentionPeriods(), dry_run=False) == NONE
    assert {moved, staged, young, newest} <= set(remaining(catalogue, conversion.c.id))


def test_more_than_one_transaction_holds(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oss_audio_core.catalogue.pruning.CHUNK", 3)
    for number in range(7):
        notify(catalogue, str(number), YEARS)
    assert prune(catalogue, RetentionPeriods(), dry_run=False) == {**NONE, "notifications": 7}
    assert remaining(catalogue, notification.c.id) == []
