"""How many more conversions an endpoint may have in flight, over all runs and processes.

A slot is no row of its own. A submitted conversion holds a slot until it has ended or its deadline has passed. A
conversion in `submitting` holds one until the outcome of its submit is known or its task would be past its deadline.

A superseded conversion holds no slot, though its task may still run: no step waits for that task, so its end isn't
known. Where a newer generation of a conversion in flight is planned (*force*, a changed source), the endpoint can
exceed the limit by those tasks until they end.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.conversions import Conversion, fetch
from oss_audio_core.catalogue.database import clock
from oss_audio_core.catalogue.schema import IS_IN_FLIGHT, conversion
from oss_audio_core.catalogue.states import State

_LOCK = 7_146_003
"""Together with a hash of the endpoint's name: the lock under which its slots are counted and claimed."""


def free(connection: Connection, endpoint: str, limit: int, *, deadline: timedelta = timedelta(hours=6)) -> int:
    """Count the free slots of an endpoint; 0 or more.

    Another transaction can't count them until this one ends: claims in it never exceed the limit.

    Args:
        connection: an open transaction of the catalogue.
        endpoint: of OSS.
        limit: most conversions in flight.
        deadline: how long after its submit a conversion may run.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK, sa.func.hashtext(endpoint))))
    # A submit's request is sent within its lease.
    half = conversion.c.state == State.SUBMITTING.value, conversion.c.lease_until > clock(connection, -deadline)
    held = sa.or_(sa.and_(*half), sa.and_(*_runs(connection)))
    statement = sa.select(sa.func.count()).select_from(conversion).where(*_here(endpoint), held)
    return max(0, limit - connection.execute(statement).scalar_one())


def submitted(connection: Connection, endpoint: str) -> list[Conversion]:
    """The submitted conversions that hold an endpoint's slots, of any batch."""
    return fetch(connection, *_here(endpoint), *_runs(connection))


def _here(endpoint: str) -> list[sa.ColumnElement[bool]]:
    return [conversion.c.endpoint == endpoint, IS_IN_FLIGHT]


def _runs(connection: Connection) -> list[sa.ColumnElement[bool]]:
    return [conversion.c.state == State.SUBMITTED.value, conversion.c.deadline_at > clock(connection)]
