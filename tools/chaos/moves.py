"""Every move of every conversion, as the catalogue's own database saw it: noted by a trigger, not by the product.

That a claim was standing at some moment, and from when to when, can't be told from the rows at the end.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.states import MOVES

INSTALL = """
CREATE TABLE chaos_move (
    id bigserial PRIMARY KEY, conversion_id bigint NOT NULL, attempt int NOT NULL, was text NOT NULL,
    became text NOT NULL, at timestamptz NOT NULL
);
CREATE FUNCTION chaos_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_move (conversion_id, attempt, was, became, at)
    VALUES (NEW.id, OLD.attempt, OLD.state, NEW.state, clock_timestamp());
    RETURN NULL;
END $$;
CREATE TRIGGER chaos_note AFTER UPDATE ON conversion FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.token IS DISTINCT FROM NEW.token)
    EXECUTE FUNCTION chaos_note();
"""

READ = "SELECT conversion_id, attempt, was, became, at FROM chaos_move ORDER BY id"


@dataclass(frozen=True)
class Move:
    """One move: `attempt` is the one that was made then."""

    conversion_id: int
    attempt: int
    was: State
    became: State
    at: datetime


@dataclass(frozen=True)
class Claim:
    """A conversion was in somebody's hands to be submitted, from `at` to `until`, in seconds since the epoch.

    `until` is when its answer was written down, or when it was given back after somebody had looked for it.
    """

    conversion_id: int
    attempt: int
    at: float
    until: float


def claims(moves: Iterable[Move]) -> list[Claim]:
    """The claims of planned conversions; who takes over a dead one's claim goes on with it."""
    found: list[Claim] = []
    standing: dict[int, Move] = {}
    for move in moves:
        if move.was is not State.SUBMITTING and move.became is State.SUBMITTING:
            standing[move.conversion_id] = move
        elif move.became is not State.SUBMITTING and (began := standing.pop(move.conversion_id, None)):
            found.append(Claim(move.conversion_id, began.attempt, began.at.timestamp(), move.at.timestamp()))
    found += [Claim(one.conversion_id, one.attempt, one.at.timestamp(), float("inf")) for one in standing.values()]
    return found


def unknown_moves(moves: Iterable[Move]) -> list[str]:
    """Moves that the table of moves doesn't have, and rows that changed in between."""
    known = {(source, step.target) for step in MOVES.values() for source in step.sources}
    wrong: list[str] = []
    last: defaultdict[int, State] = defaultdict(lambda: State.PLANNED)
    for move in moves:
        if (move.was, move.became) not in known:
            wrong.append(f"conversion {move.conversion_id} went from {move.was.value} to {move.became.value}")
        if move.was is not last[move.conversion_id]:
            was, before = move.was.value, last[move.conversion_id].value
            wrong.append(f"conversion {move.conversion_id} was {before} and then {was}, without a move")
        last[move.conversion_id] = move.became
    return wrong


def install(connection: sa.Connection) -> None:
    """Let the database write moves down from now on; the catalogue must be there."""
    connection.exec_driver_sql(INSTALL)


def read(connection: sa.Connection) -> list[Move]:
    """All moves so far, in order."""
    return [
        Move(row.conversion_id, row.attempt, State(row.was), State(row.became), row.at)
        for row in connection.exec_driver_sql(READ)
    ]
