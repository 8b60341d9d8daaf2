"""Which objects at final keys are the catalogue's own, so that a rendition may be written over them.

An object is known by key and ETag: as a rendition, as an output that was verified for that target, or as a recorded one
(`own_object`). An object whose tags name this catalogue is its own, too, if they name a source whose conversion has
that target. So is an object that a task of a conversion wrote there at once, by the times that IMM gives. A source is
never a target, whatever its tags say: a copy of a rendition has the tags of the rendition.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import attempt, conversion, own_object, rendition, source
from oss_audio_core.catalogue.states import State


class OwnReason(StrEnum):
    """Why an object that no rendition's row has may be written over."""

    WRITTEN_IN_PLACE = "written in place"  # the output of a conversion that writes to its final key at once
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
        sa.select(conversion.c.target_key.label("key"), conversion.c.output_etag.label("etag")).where(
            conversion.c.target_bucket == bucket, conversion.c.target_key.in_(etags)
        ),
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


def explains(connection: Connection, bucket: str, key: str, source_etag: str) -> bool:
    """Whether a conversion of a source content with this ETag has this target."""
    made = (
        sa.select(conversion.c.id)
        .join(source, source.c.id == conversion.c.source_id)
        .where(conversion.c.target_bucket == bucket, conversion.c.target_key == key, source.c.etag == source_etag)
        .where(conversion.c.state != State.SKIPPED.value)
    )
    return connection.execute(made.limit(1)).first() is not None


@dataclass(frozen=True)
class TaskInPlace:
    """A task that writes to a final key at once, and the bucket of its source, whose IMM project has it."""

    source_bucket: str
    task_id: str


def tasks_in_place(connection: Connection, bucket: str, key: str) -> list[TaskInPlace]:
    """The tasks of attempts that write to a final key at once, the latest first.

    Tasks whose outputs were recorded or verified are left out: their ETags are known.
    """
    recorded = own_object.c.bucket == bucket, own_object.c.key == key
    in_place = own_object.c.reason == OwnReason.WRITTEN_IN_PLACE.value
    last = connection.scalar(sa.select(sa.func.max(own_object.c.recorded_at)).where(*recorded, in_place))
    here = [
        conversion.c.target_bucket == bucket,
        conversion.c.target_key == key,
        conversion.c.publish == "direct",
        conversion.c.output_etag.is_(None),
    ]
    owner = conversion.c.bucket, conversion.c.id
    current = sa.select(*owner, conversion.c.task_id, conversion.c.submitted_at).where(*here)
    before = (
        sa.select(*owner, attempt.c.task_id, attempt.c.submitted_at)
        .join(attempt, attempt.c.conversion_id == conversion.c.id)
        .where(*here)
    )
    found = sa.union(current, before).subquery()
    latest = found.c.submitted_at.desc(), found.c.id.desc()
    statement = sa.select(found).where(found.c.task_id.is_not(None)).order_by(*latest)
    if last is not None:
        # OSS tells the time of a submit to the second.
        statement = statement.where(found.c.submitted_at >= last.replace(microsecond=0))
    tasks = (TaskInPlace(row.bucket, row.task_id) for row in connection.execute(statement))
    return list(dict.fromkeys(tasks))


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
