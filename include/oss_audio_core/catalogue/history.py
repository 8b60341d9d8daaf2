"""The attempts before the current one: a retry records the failed attempt before it begins the next."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.schema import attempt, conversion
from oss_audio_core.catalogue.states import MOVES, Guard, Verb


def record_attempts(connection: Connection, verb: Verb, ids: Sequence[int]) -> None:
    """Record the current attempt of each conversion that a move to its next attempt would move.

    The move, RETRY or REVIVE, must follow in the same transaction.
    """
    step = MOVES[verb]
    retriable = [state.value for state in sorted(step.sources)]
    spent = conversion.c.attempt >= conversion.c.max_attempts
    # Locked, so that no other transaction moves them before the retry.
    retriable_ids = connection.scalars(
        sa.select(conversion.c.id)
        .where(
            conversion.c.id.in_(ids),
            conversion.c.state.in_(retriable),
            spent if Guard.ATTEMPTS_SPENT in step.guards else ~spent,
        )
        .order_by(conversion.c.id)
        .with_for_update()
    ).all()
    # An attempt that was never accepted still has the TaskId of the one before.
    task_id = sa.case((conversion.c.submitted_at.is_not(None), conversion.c.task_id))
    kept = sa.select(
        conversion.c.id,
        conversion.c.attempt,
        conversion.c.state,
        task_id,
        conversion.c.output_bucket,
        conversion.c.output_key,
        conversion.c.submitted_at,
        conversion.c.changed_at,
        conversion.c.code,
        conversion.c.message,
        conversion.c.measured,
    ).where(conversion.c.id.in_(retriable_ids))
    into = (
        "conversion_id",
        "number",
        "state",
        "task_id",
        "output_bucket",
        "output_key",
        "submitted_at",
        "ended_at",
        "code",
        "message",
        "measured",
    )
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(attempt).from_select(into, kept))
