"""A move that only counts from where the caller found the conversion."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.conversions import Attempt, move
from oss_audio_core.catalogue.schema import conversion
from oss_audio_core.catalogue.states import MOVES, State, Verb


def move_from(connection: Connection, state: State, verb: Verb, attempt: Attempt, **values: Any) -> State:
    """Make a move if the attempt still stands in this one of the states that the move may start from.

    A step that works on what it read a while ago may find that a second run of itself was quicker: a rendition that
    this one has published meanwhile, for one, must not be superseded or quarantined any more.

    Returns:
        The state in which it stands now.
    """
    statement = sa.select(conversion.c.state).where(conversion.c.id == attempt.id).with_for_update()
    standing = State(connection.execute(statement).scalar_one())
    if standing is state and move(connection, verb, attempt, **values):
        return MOVES[verb].target
    return standing
