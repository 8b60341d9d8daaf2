"""Every move of every conversion, recorded by a trigger of the catalogue's own database and not by the product.

The rows at the end don't say from when to when a claim was held.
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
CREATE FUNCTION record_chaos_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO chaos_move (conversion_id, attempt, was, became, at)
    VALUES (NEW.id, OLD.attempt, OLD.state, NEW.state, clock_timestamp());
    RETURN NULL;
END $$;
CREATE TRIGGER record_chaos_move AFTER UPDATE ON conversion FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.token IS DISTINCT FROM NEW.token)
    EXECUTE FUNCTION record_chaos_move();
"""

READ = "SELECT conversion_id, attempt, was, became, at FROM chaos_move ORDER BY id"


@dataclass(frozen=True)
class Move:
    """One move; `attempt` is the attempt at that time."""

    conversion_id: int
    attempt: int
    was: State
    became: State
    at: datetime


@dataclass(frozen=True)
class Claim:
    """A conversion was claimed for its submit, from `at` to `until`, in seconds since the epoch.

    `until` is when the answer was recorded, or when the conversion was released after a search for a lost submit.
    """

    conversion_id: int
    attempt: int
    at: float
    until: float


def claims(moves: Iterable[Move]) -> list[Claim]:
    """The claims of planned conversions; a takeover of an expired claim continues it."""
    found: list[Claim] = []
    open_claims: dict[int, Move] = {}
    for move in moves:
        if move.was is not State.SUBMITTING and move.became is State.SUBMITTING:
            open_claims[move.conversion_id] = move
        elif move.became is not State.SUBMITTING and (began := open_claims.pop(move.conversion_id, None)):
            found.append(Claim(move.conversion_id, began.attempt, began.at.timestamp(), move.at.timestamp()))
    found += [Claim(one.conversion_id, one.attempt, one.at.timestamp(), float("inf")) for one in open_claims.values()]
    return found


def unknown_moves(moves: Iterable[Move]) -> list[str]:
    """Moves that the transition table doesn't have, and states that changed without a move."""
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
    """Record moves from now on; the catalogue's tables must exist."""
    connection.exec_driver_sql(INSTALL)


def read(connection: sa.Connection) -> list[Move]:
    """Read all moves so far, in order."""
    return [
        Move(row.conversion_id, row.attempt, State(row.was), State(row.became), row.at)
        for row in connection.exec_driver_sql(READ)
    ]
