"""The catalogue's own random name: what this catalogue writes to a bucket carries it, and nothing else does.

A restored copy of the database has the same name, because it knows the same objects. A new catalogue in place of a
lost one has another: the lost one's objects are not its own.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.schema import identity

OWNER_TAG = "catalogue"
"""Name of the object tag whose value is the uid of the catalogue that wrote the object."""


def catalogue_uid(connection: Connection) -> str:
    """Twelve random hexadecimal digits, the same for the life of the catalogue."""
    uid: str = connection.execute(sa.select(identity.c.uid).where(identity.c.id == 1)).scalar_one()
    return uid
