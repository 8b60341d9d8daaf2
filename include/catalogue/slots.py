"""How many more conversions an endpoint may have in flight, over all runs and processes.

A slot is no row of its own: it is held by every conversion that is being submitted, until what became of it is known,
and by every submitted one, until it has ended or its deadline has passed.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from .database import clock
from .schema import IS_IN_FLIGHT, conversion
from .states import State

#: Together with a hash of the endpoint's name: the lock under which its slots are counted and claimed.
_LOCK = 7_146_003


def free(connection: Connection, endpoint: str, limit: int) -> int:
    """Count the free slots of an endpoint; 0 or more.

    Until the transaction ends nobody else can count them: what is claimed in it never exceeds the limit.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK, sa.func.hashtext(endpoint))))
    held = sa.or_(conversion.c.state == State.SUBMITTING.value, conversion.c.deadline_at > clock(connection))
    here = conversion.c.endpoint == endpoint, IS_IN_FLIGHT
    statement = sa.select(sa.func.count()).select_from(conversion).where(*here, held)
    return max(0, limit - connection.execute(statement).scalar_one())
