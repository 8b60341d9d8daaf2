"""Named roles that one process holds at a time. The role of a process that died is free when its lease is over.

Terms are measured by the database's clock (`database.clock`): the clocks of competing machines may differ.
"""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.database import clock
from oss_audio_core.catalogue.schema import lease


def acquire(connection: Connection, name: str, owner: str, term: timedelta) -> bool:
    """Take or renew a lease.

    Returns:
        Whether the owner holds it until the term is over.
    """
    until = clock(connection, term)
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(lease).values(name=name, owner=owner, until=until)
    statement = statement.on_conflict_do_update(
        index_elements=[lease.c.name],
        set_={"owner": owner, "until": until},
        where=sa.or_(lease.c.owner == owner, lease.c.until < clock(connection)),
    )
    connection.execute(statement)
    holder = connection.execute(sa.select(lease.c.owner).where(lease.c.name == name)).scalar_one()
    return bool(holder == owner)


def release(connection: Connection, name: str, owner: str) -> None:
    """Release a lease early, if the owner still holds it."""
    connection.execute(sa.delete(lease).where(lease.c.name == name, lease.c.owner == owner))
