"""What the harness reads out of the noted moves, and the table of what its hits fell on."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import State, open_catalogue
from oss_audio_core.catalogue.schema import conversion, source
from tools.chaos import moves
from tools.chaos.moves import Claim, Move, claims, unknown_moves
from tools.chaos.table import HitTable
from tools.stack.postgresql import database_url, empty_data, serving

START = datetime(2026, 1, 1, tzinfo=UTC)
SOURCE = {
    "id": 1,
    "bucket": "media",
    "key": "a.wav",
    "etag": "E",
    "size": 1,
    "last_modified": START,
    "first_listed_at": START,
}
CONVERSION = {
    "id": 1,
    "source_id": 1,
    "bucket": "media",
    "key": "a.wav",
    "profile": "p",
    "digest": "d",
    "process": "audio/convert,f_mp3",
    "target_bucket": "media",
    "target_key": "a.mp3",
    "publish": "staged",
    "generation": 1,
    "newest": True,
    "state": "planned",
    "attempt": 1,
    "max_attempts": 3,
    "created_at": START,
    "changed_at": START,
}


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def path(*states: State, conversion_id: int = 1) -> list[Move]:
    """One move a second."""
    pairs = itertools.pairwise(states)
    return [Move(conversion_id, 1, was, became, at(number)) for number, (was, became) in enumerate(pairs)]


WHOLE = path(State.PLANNED, State.SUBMITTING, State.SUBMITTED, State.CONVERTED, State.VERIFIED, State.PUBLISHED)


def test_a_claim_lasts_until_its_answer_is_written_down() -> None:
    assert claims(WHOLE) == [Claim(1, 1, at(0).timestamp(), at(1).timestamp())]


def test_who_takes_over_a_claim_goes_on_with_it() -> None:
    taken_over = path(State.PLANNED, State.SUBMITTING, State.SUBMITTING, State.CONVERTED)
    assert claims(taken_over) == [Claim(1, 1, at(0).timestamp(), at(2).timestamp())]


def test_a_claim_that_never_ended_has_no_end() -> None:
    assert claims(path(State.PLANNED, State.SUBMITTING))[0].until == float("inf")


def test_the_way_of_a_published_conversion_is_known() -> None:
    assert unknown_moves(WHOLE) == []


@pytest.mark.parametrize(
    "states",
    [(State.PLANNED, State.PUBLISHED), (State.PLANNED, State.SUBMITTING, State.VERIFIED)],
    ids=["published at once", "verified without an output"],
)
def test_a_move_that_is_in_no_table_is_found(states: tuple[State, ...]) -> None:
    assert states[-1].value in unknown_moves(path(*states))[0]


def test_a_state_that_changed_without_a_move_is_found() -> None:
    assert "without a move" in unknown_moves([WHOLE[0], WHOLE[2]])[0]


def test_the_table_counts_hits_and_conversions() -> None:
    table = HitTable()
    table.add("worker", Counter({State.PLANNED: 3, State.PUBLISHED: 40}))
    table.add("worker", Counter({State.PLANNED: 2, State.SUBMITTING: 1}))
    table.add("postgresql", None)
    head, postgresql, worker, everything = table.lines()
    assert head.split()[:3] == ["hits", "planned", "submitting"]
    assert postgresql.split()[-1] == everything.split()[-1] == "1"
    assert worker.split()[:6] == ["worker", "2", "2", "(5)", "1", "(1)"]
    assert set(table.never_hit()) == {State.SUBMITTED, State.CONVERTED, State.VERIFIED}
    assert table.rarest() in table.never_hit()


def test_the_database_notes_every_change_of_a_state_and_nothing_else() -> None:
    with empty_data() as data, serving(data) as port:
        catalogue = open_catalogue(database_url(port))
        with catalogue.write() as connection:
            moves.install(connection)
            connection.execute(sa.insert(source).values(**SOURCE))
            connection.execute(sa.insert(conversion).values(**CONVERSION))
        for change in ({"state": "submitting", "token": "a"}, {"code": "c"}, {"token": "b"}, {"state": "planned"}):
            with catalogue.write() as connection:
                connection.execute(sa.update(conversion).values(**change))
        with catalogue.read() as connection:
            noted = moves.read(connection)
        catalogue.close()
    assert [(move.was, move.became) for move in noted] == [
        (State.PLANNED, State.SUBMITTING),
        (State.SUBMITTING, State.SUBMITTING),
        (State.SUBMITTING, State.PLANNED),
    ]
    (claim,) = claims(noted)
    assert claim.at < claim.until
