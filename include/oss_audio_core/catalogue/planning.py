"""What planning writes: generations of conversions, owners of targets, and what a batch wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from oss_audio_core.catalogue.conversions import move
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import batch, batch_conversion, conversion, listing, rendition, source
from oss_audio_core.catalogue.states import ACTIVE, State, Verb
from oss_audio_core.catalogue.storable import storable

_SUPERSEDABLE = ACTIVE - {State.VERIFIED}
"""A verified conversion may be on its way to its final key: what stands there must be what the catalogue says. A
published one stands until its successor is published, so that readers are never left without a rendition."""


@dataclass(frozen=True)
class Generation:
    """A conversion to begin: one generation of a source as one rendition.

    Attributes:
        source_id, bucket, key: of the source.
        profile, digest, process, publish: of the rendition.
        target_bucket, target_key: where it ends up; an empty key where no target is possible.
        number: 1, 2, … of this source, profile and target bucket.
        max_attempts: after so many failures it is dead.
        code, message: why it is skipped; no code: it is planned.
    """

    source_id: int
    bucket: str
    key: str
    profile: str
    digest: str
    process: str
    publish: str
    target_bucket: str
    target_key: str
    number: int
    max_attempts: int
    code: str | None = None
    message: str | None = None


def is_rendition(connection: Connection, bucket: str, key: str) -> bool:
    """Whether an object is a published rendition of the catalogue."""
    here = sa.select(rendition.c.id).where(rendition.c.bucket == bucket, rendition.c.key == key)
    return connection.scalar(here) is not None


def drop_renditions(connection: Connection, batch_id: int) -> int:
    """Take the catalogue's own renditions out of a batch's listing: none is ever a source. Returns how many."""
    published = sa.exists().where(rendition.c.bucket == listing.c.bucket, rendition.c.key == listing.c.key)
    # A rendition that was written in place has no row where nothing but a sensor waits for it. What a profile left
    # behind when its target moved is a rendition all the same.
    made = sa.exists().where(
        conversion.c.target_bucket == listing.c.bucket,
        conversion.c.target_key == listing.c.key,
        sa.or_(
            conversion.c.publish == "direct",
            conversion.c.state.in_([State.PUBLISHED.value, State.SUPERSEDED.value]),
        ),
    )
    mine = listing.c.batch_id == batch_id
    return connection.execute(sa.delete(listing).where(mine, sa.or_(published, made))).rowcount


def count_listed(connection: Connection, batch_id: int) -> int:
    """How many objects a batch's listing has."""
    mine = listing.c.batch_id == batch_id
    return connection.execute(sa.select(sa.func.count()).select_from(listing).where(mine)).scalar_one()


def is_listed(connection: Connection, batch_id: int, bucket: str, key: str) -> bool:
    """Whether a batch's listing has an object."""
    here = listing.c.batch_id == batch_id, listing.c.bucket == bucket, listing.c.key == key
    return connection.execute(sa.select(listing.c.key).where(*here)).first() is not None


def owners(connection: Connection, targets: Mapping[str, tuple[str, str]]) -> dict[tuple[str, str], Row[Any]]:
    """The newest conversions that own targets, by target.

    Args:
        connection: of the transaction.
        targets: bucket and key of each target, by source key.
    """
    wanted = set(targets.values())
    columns: list[sa.ColumnElement[Any]] = [
        *(conversion.c.id, conversion.c.bucket, conversion.c.key, conversion.c.profile, conversion.c.target_bucket),
        *(conversion.c.target_key, conversion.c.state, conversion.c.changed_at, conversion.c.publish),
    ]
    found = connection.execute(
        sa.select(*columns)
        .where(
            conversion.c.newest,
            conversion.c.state != State.SKIPPED.value,
            conversion.c.target_bucket.in_({bucket for bucket, _ in wanted}),
            conversion.c.target_key.in_([key for _, key in targets.values()]),
        )
        .order_by(conversion.c.id)  # as they are locked: see `conversions`
    )
    return {(row.target_bucket, row.target_key): row for row in found if (row.target_bucket, row.target_key) in wanted}


def outdate(connection: Connection, ids: Sequence[int], *, message: str) -> None:
    """Make room for newer generations: those still under way are superseded, and none is the newest any more.

    The rows are locked by id, as every statement that writes many of them locks them: no two block each other.
    """
    if not ids:
        return
    standing = connection.execute(
        sa.select(conversion.c.id, conversion.c.state)
        .where(conversion.c.id.in_(ids))
        .order_by(conversion.c.id)
        .with_for_update()
    ).all()
    move(
        connection,
        Verb.SUPERSEDE,
        [row.id for row in standing if row.state in _SUPERSEDABLE],
        message=message,
    )
    connection.execute(sa.update(conversion).where(conversion.c.id.in_(ids)).values(newest=False))


def highest_generations(
    connection: Connection, bucket: str, keys: Sequence[str], *, profile: str, target_bucket: str
) -> dict[str, int]:
    """The highest generation there ever was of each source's rendition; the newest may have been given up."""
    found = connection.execute(
        sa.select(conversion.c.key, sa.func.max(conversion.c.generation).label("generation"))
        .where(
            conversion.c.bucket == bucket,
            conversion.c.key.in_(keys),
            conversion.c.profile == profile,
            conversion.c.target_bucket == target_bucket,
        )
        .group_by(conversion.c.key)
    )
    return {row.key: row.generation for row in found}


def begin(connection: Connection, generations: Sequence[Generation]) -> dict[str, int]:
    """Begin new generations of one rendition. Returns the conversions' ids by source key."""
    at = now()
    begun = connection.execute(
        sa.insert(conversion).returning(conversion.c.id, conversion.c.key),
        [
            {
                "source_id": one.source_id,
                "bucket": one.bucket,
                "key": one.key,
                "profile": one.profile,
                "digest": one.digest,
                "process": one.process,
                "target_bucket": one.target_bucket,
                "target_key": one.target_key,
                "publish": one.publish,
                "generation": one.number,
                "newest": True,
                "state": (State.PLANNED if one.code is None else State.SKIPPED).value,
                "attempt": 1,
                "max_attempts": one.max_attempts,
                "code": one.code,
                "message": one.message,
                "created_at": at,
                "changed_at": at,
            }
            for one in generations
        ],
    )
    return {row.key: row.id for row in begun}


def refuse(connection: Connection, refused: Sequence[tuple[int, str, str]]) -> None:
    """Write why conversions that are skipped or have failed are not tried again: id, code and message of each.

    Their state stays. What is under way or published stays as it is.
    """
    if not refused:
        return
    standing = (State.SKIPPED, State.FAILED, State.QUARANTINED, State.DEAD)
    connection.execute(
        sa.update(conversion)
        .where(conversion.c.id == sa.bindparam("refused"))
        .where(sa.or_(*(conversion.c.state == state.value for state in standing)))
        .values(code=sa.bindparam("why"), message=sa.bindparam("reason")),
        [{"refused": number, "why": code, "reason": storable(message)} for number, code, message in sorted(refused)],
    )


def want(connection: Connection, batch_id: int, wanted: Sequence[tuple[int, str]], *, first: int = 0) -> None:
    """Let a batch want conversions.

    Args:
        connection: of the transaction.
        batch_id: of the batch.
        wanted: ids and why each is wanted, in order.
        first: ordinal of the first of them.
    """
    if wanted:
        connection.execute(
            sa.insert(batch_conversion),
            [
                {
                    "batch_id": batch_id,
                    "conversion_id": conversion_id,
                    "ordinal": ordinal,
                    "shard": 0,
                    "decision": decision,
                }
                for ordinal, (conversion_id, decision) in enumerate(wanted, start=first)
            ],
        )


def set_shards(connection: Connection, batch_id: int, size: int) -> None:
    """Give each conversion of a batch its shard.

    Args:
        connection: of the transaction.
        batch_id: of the batch.
        size: conversions of a shard. The renditions of a source are in one shard, which may add some to it. A source
            has its place in the order of shards by the first of its conversions.
    """
    mine = batch_conversion.c.batch_id == batch_id
    by_source = (
        sa.select(
            conversion.c.source_id,
            sa.func.min(batch_conversion.c.ordinal).label("first"),
            sa.func.count().label("conversions"),
        )
        .join(conversion, conversion.c.id == batch_conversion.c.conversion_id)
        .where(mine)
        .group_by(conversion.c.source_id)
        .subquery()
    )
    through = sa.func.sum(by_source.c.conversions).over(order_by=by_source.c.first, rows=(None, 0))
    before = sa.cast(through - by_source.c.conversions, sa.Integer)
    placed = sa.select(by_source.c.source_id, (before // sa.literal(size)).label("shard")).cte("placed")
    connection.execute(
        sa.update(batch_conversion)
        .where(
            mine,
            conversion.c.id == batch_conversion.c.conversion_id,
            placed.c.source_id == conversion.c.source_id,
        )
        .values(shard=placed.c.shard)
    )


def minutes_of_sources(connection: Connection, batch_id: int) -> float:
    """Minutes of the sources of a batch's conversions, each as often as it is converted; not probed: 0."""
    statement = (
        sa.select(sa.func.sum(source.c.duration))
        .join(conversion, conversion.c.source_id == source.c.id)
        .join(batch_conversion, batch_conversion.c.conversion_id == conversion.c.id)
        .where(batch_conversion.c.batch_id == batch_id)
    )
    return float(connection.scalar(statement) or 0) / 60


def forget_plan(connection: Connection, batch_id: int) -> None:
    """Let a batch be planned again, which wants nothing until then."""
    connection.execute(sa.delete(batch_conversion).where(batch_conversion.c.batch_id == batch_id))
    connection.execute(sa.update(batch).where(batch.c.id == batch_id).values(planned_at=None))
