"""The recorded moves: claims and unknown moves are read out of them; a real PostgreSQL records them."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import State, open_catalogue
from oss_audio_core.catalogue.schema import conversion, source
from tools.chaos import moves
from tools.chaos.moves import Claim, Move, claims, unknown_moves
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


KILL = path(State.PLANNED, State.SUBMITTING, State.SUBMITTED, State.CONVERTED, State.VERIFIED, State.PUBLISHED)


def test_a_claim_lasts_until_its_answer_is_recorded() -> None:
    assert claims(KILL) == [Claim(1, 1, at(0).timestamp(), at(1).timestamp())]


def test_a_takeover_continues_the_claim() -> None:
    taken_over = path(State.PLANNED, State.SUBMITTING, State.SUBMITTING, State.CONVERTED)
    assert claims(taken_over) == [Claim(1, 1, at(0).timestamp(), at(2).timestamp())]


def test_a_claim_that_never_ended_has_no_end() -> None:
    assert claims(path(State.PLANNED, State.SUBMITTING))[0].until == float("inf")


def test_the_path_of_a_published_conversion_is_known() -> None:
    assert unknown_moves(KILL) == []


@pytest.mark.parametrize(
    "states",
    [(State.PLANNED, State.PUBLISHED), (State.PLANNED, State.SUBMITTING, State.VERIFIED)],
    ids=["published at once", "verified without an output"],
)
def test_a_move_outside_the_transition_table_is_found(states: tuple[State, ...]) -> None:
    assert states[-1].value in unknown_moves(path(*states))[0]


def test_a_state_that_changed_without_a_move_is_found() -> None:
    assert "without a move" in unknown_moves([KILL[0], KILL[2]])[0]


def test_the_database_records_every_change_of_a_state_and_nothing_else() -> None:
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
            recorded = moves.read(connection)
        catalogue.close()
    assert [(move.was, move.became) for move in recorded] == [
        (State.PLANNED, State.SUBMITTING),
        (State.SUBMITTING, State.SUBMITTING),
        (State.SUBMITTING, State.PLANNED),
    ]
    (claim,) = claims(recorded)
    assert claim.at < claim.until
