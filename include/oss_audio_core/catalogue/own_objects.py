"""Which objects at final keys are the catalogue's own, so that a rendition may be written over them.

An object is known by key and ETag: as a rendition, or as a recorded one (`own_object`). An object whose tags name this
catalogue is its own, too, if the conversion that they name has that target.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import conversion, own_object, rendition, source
from oss_audio_core.catalogue.states import State


class OwnReason(StrEnum):
    """Why an object that no rendition's row has may be written over."""

    WRITTEN_IN_PLACE = "written in place"  # the output of a conversion that writes to its final key at once
    LEFT_BEHIND = "left behind"  # a rendition at a former target of its profile
    TAKEN_OVER = "taken over"  # a person's explicit act, for the next publication there


def known_keys(connection: Connection, bucket: str, etags: Mapping[str, str]) -> set[str]:
    """Keys at which the standing object is the catalogue's own by its ETag.

    Args:
        connection: an open transaction of the catalogue.
        bucket: of the objects.
        etags: of what stands there now, by key; at most `CHUNK`.
    """
    statements = (
        sa.select(rendition.c.key, rendition.c.etag).where(rendition.c.bucket == bucket, rendition.c.key.in_(etags)),
        sa.select(own_object.c.key, own_object.c.etag).where(
            own_object.c.bucket == bucket, own_object.c.key.in_(etags), own_object.c.used_at.is_(None)
        ),
    )
    return {row.key for statement in statements for row in connection.execute(statement) if etags[row.key] == row.etag}


def source_keys(connection: Connection, bucket: str, etags: Mapping[str, str]) -> set[str]:
    """Keys at which the standing object is a source of the catalogue. Arguments as for `known_keys`."""
    found = connection.execute(
        sa.select(source.c.key, source.c.etag).where(source.c.bucket == bucket, source.c.key.in_(etags))
    )
    return {row.key for row in found if etags[row.key] == row.etag}


def contested_keys(connection: Connection, bucket: str, keys: Collection[str]) -> set[str]:
    """Those of at most `CHUNK` keys that are targets of conversions: only tags of objects there can prove anything."""
    found = sa.select(conversion.c.target_key).where(
        conversion.c.target_bucket == bucket,
        conversion.c.target_key.in_(keys),
        conversion.c.state != State.SKIPPED.value,
    )
    return set(connection.scalars(found.distinct()))


def has_target(connection: Connection, conversion_id: int, bucket: str, key: str) -> bool:
    """Whether a conversion of the catalogue is published at this key."""
    here = conversion.c.id == conversion_id, conversion.c.target_bucket == bucket, conversion.c.target_key == key
    return connection.scalar(sa.select(conversion.c.id).where(*here)) is not None


def record(connection: Connection, bucket: str, etags: Mapping[str, str], reason: OwnReason) -> None:
    """Record objects by key and ETag. One that was recorded before gets this reason, and allows another publication."""
    if not etags:
        return
    insert = (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(own_object)
    again = {"reason": reason.value, "recorded_at": insert.excluded.recorded_at, "used_at": None}
    key = [own_object.c.bucket, own_object.c.key, own_object.c.etag]
    at = now()
    connection.execute(
        insert.on_conflict_do_update(index_elements=key, set_=again),
        [
            {"bucket": bucket, "key": key, "etag": etag, "reason": reason.value, "recorded_at": at}
            for key, etag in etags.items()
        ],
    )


def use(connection: Connection, bucket: str, key: str) -> None:
    """Record that a rendition was published at a key: what stood there before allows nothing any more."""
    here = own_object.c.bucket == bucket, own_object.c.key == key
    taken_over = own_object.c.reason == OwnReason.TAKEN_OVER.value
    connection.execute(sa.delete(own_object).where(*here, ~taken_over))
    unused = sa.update(own_object).where(*here, own_object.c.used_at.is_(None))
    connection.execute(unused.values(used_at=now()))
