"""How many more conversions an endpoint may have in flight, over all runs and processes.

A slot is no row of its own. A submitted conversion holds one until it has ended or its deadline has passed; one that is
being submitted, until what became of it is known or, where nobody looks into that, its task would be past its deadline.

A conversion that is superseded holds none any more, though its task may still run: nobody waits for that, so nobody
would find out when it ends. Where a newer generation is planned of what is in flight (*force*, a changed source), the
endpoint can have more tasks than the limit, by those, until they end.
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

    Until the transaction ends nobody else can count them: what is claimed in it never exceeds the limit.

    Args:
        deadline: how long after its submit a conversion may run.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK, sa.func.hashtext(endpoint))))
    # A POST goes out within its lease.
    half = conversion.c.state == State.SUBMITTING.value, conversion.c.lease_until > clock(connection, -deadline)
    held = sa.or_(sa.and_(*half), sa.and_(*_runs(connection)))
    statement = sa.select(sa.func.count()).select_from(conversion).where(*_here(endpoint), held)
    return max(0, limit - connection.execute(statement).scalar_one())


def submitted(connection: Connection, endpoint: str) -> list[Conversion]:
    """The submitted conversions that hold an endpoint's slots, of whichever batch."""
    return fetch(connection, *_here(endpoint), *_runs(connection))


def _here(endpoint: str) -> list[sa.ColumnElement[bool]]:
    return [conversion.c.endpoint == endpoint, IS_IN_FLIGHT]


def _runs(connection: Connection) -> list[sa.ColumnElement[bool]]:
    return [conversion.c.state == State.SUBMITTED.value, conversion.c.deadline_at > clock(connection)]
