"""What a batch has to decide about: listed sources whose rendition is missing, undone or outdated, in order.

A batch that lists only what was written lately also decides about what earlier batches left undone of older sources.

One statement puts them, numbered, into a temporary table, and pages are read from that: a plan over a million sources
sorts once and never holds more than a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from oss_audio_core.catalogue.conversions import CHUNK
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import UtcDateTime, batch, batch_conversion, conversion, listing, source
from oss_audio_core.catalogue.states import ACTIVE, State
from oss_audio_core.pipeline.decisions import REFUSED, SKIPPED, Decision
from oss_audio_core.pipeline.rendition_spec import RenditionSpec, target_bucket


class Order(StrEnum):
    """What is submitted first, and what a limit leaves for later."""

    PROFILE = "profile"  # in the order the profiles were named; within each, by key
    KEY = "key"
    NEWEST = "newest"
    SMALLEST = "smallest"


candidate = sa.Table(
    "planning_candidate",
    sa.MetaData(),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("spec", sa.Integer, nullable=False),
    sa.Column("bucket", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("etag", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("last_modified", UtcDateTime, nullable=False),
    sa.Column("id", sa.BigInteger),
    sa.Column("state", sa.Text),
    sa.Column("digest", sa.Text),
    sa.Column("attempt", sa.Integer),
    sa.Column("max_attempts", sa.Integer),
    sa.Column("retry_at", UtcDateTime),
    sa.Column("planned_etag", sa.Text),
    # Of the listed content, where it is known.
    sa.Column("codec", sa.Text),
    sa.Column("bitrate", sa.Integer),
    sa.Column("duration", sa.Float),
    # False: left undone by an earlier batch, and not listed by this one.
    sa.Column("listed", sa.Boolean, nullable=False),
    prefixes=["TEMPORARY"],
)

_DONE = [State.PUBLISHED.value, State.SKIPPED.value]
LEFT_BEHIND = timedelta(hours=12)
"""A conversion under way that hasn't moved for so long is left behind, also where its batch was never reported: that is
how long a batch waits for a shard. Any other is joined, which is harmless: each is submitted once."""

_REFUSED = sorted(REFUSED.values())
_FAILED = [State.FAILED.value, State.QUARANTINED.value]


class Candidates:
    """The candidates of one planning, for the length of its transaction."""

    def __init__(
        self,
        connection: Connection,
        batch_id: int,
        bucket: str,
        specs: Sequence[RenditionSpec],
        *,
        force: bool,
        degrading: bool,
        order: Order,
        left_before: datetime | None = None,
    ) -> None:
        """Find them.

        Args:
            connection: of the transaction.
            batch_id: whose listing it is.
            bucket: of the sources.
            specs: the wanted renditions.
            force: everything listed is one.
            degrading: also what an earlier batch skipped because it would have degraded its source.
            order: of the candidates.
            left_before: also what earlier batches left undone of sources that were written before; None: only what is
                listed.
        """
        self._connection = connection
        connection.execute(sa.schema.DropTable(candidate, if_exists=True))
        connection.execute(sa.schema.CreateTable(candidate))
        found = sa.union_all(
            *(
                _of_spec(batch_id, bucket, number, spec, force=force, degrading=degrading)
                for number, spec in enumerate(specs)
            ),
            *(
                _left_behind(batch_id, bucket, number, spec, left_before)
                for number, spec in enumerate(specs)
                if left_before is not None
            ),
        ).subquery()
        first: dict[Order, list[sa.ColumnElement[Any]]] = {
            Order.PROFILE: [found.c.spec],
            Order.KEY: [],
            Order.NEWEST: [found.c.last_modified.desc()],
            Order.SMALLEST: [found.c.size],
        }
        position = sa.func.row_number().over(order_by=[*first[order], found.c.key, found.c.spec])
        columns = [column.name for column in candidate.columns]
        numbered = sa.select(position.label("position"), *(found.c[name] for name in columns[1:]))
        connection.execute(sa.insert(candidate).from_select(columns, numbered))

    def count_listed(self) -> int:
        """How many of them are listed."""
        listed = sa.select(sa.func.count()).select_from(candidate).where(candidate.c.listed)
        return self._connection.execute(listed).scalar_one()

    def pages(self) -> Iterator[Sequence[Row[Any]]]:
        """All of them in order, some at a time."""
        after = 0
        statement = sa.select(candidate).order_by(candidate.c.position).limit(CHUNK)
        while page := self._connection.execute(statement.where(candidate.c.position > after)).all():
            yield page
            after = page[-1].position

    def forget(self) -> None:
        """Drop the table; a connection goes back to its pool with everything temporary it made."""
        self._connection.execute(sa.schema.DropTable(candidate))


def _of_spec(
    batch_id: int, bucket: str, number: int, spec: RenditionSpec, *, force: bool, degrading: bool
) -> sa.Select[tuple[Any, ...]]:
    content = source.alias("content")
    # Written again byte for byte, under another ETag (`unchanged_content`).
    same_bytes = sa.and_(
        content.c.size == source.c.size, sa.func.coalesce(content.c.crc64, "") == sa.func.coalesce(source.c.crc64, "-")
    )
    statement = (
        sa.select(
            sa.literal(number).label("spec"),
            listing.c.bucket,
            listing.c.key,
            listing.c.etag,
            listing.c.size,
            listing.c.last_modified,
            conversion.c.id,
            conversion.c.state,
            conversion.c.digest,
            conversion.c.attempt,
            conversion.c.max_attempts,
            conversion.c.retry_at,
            sa.case((same_bytes, listing.c.etag), else_=source.c.etag).label("planned_etag"),
            content.c.codec,
            content.c.bitrate,
            content.c.duration,
            sa.true().label("listed"),
        )
        .select_from(listing)
        .outerjoin(
            conversion,
            sa.and_(
                conversion.c.bucket == listing.c.bucket,
                conversion.c.key == listing.c.key,
                conversion.c.profile == spec.name,
                conversion.c.target_bucket == target_bucket(spec, bucket),
                conversion.c.newest,
            ),
        )
        .outerjoin(source, source.c.id == conversion.c.source_id)
        .outerjoin(
            content,
            sa.and_(
                content.c.bucket == listing.c.bucket, content.c.key == listing.c.key, content.c.etag == listing.c.etag
            ),
        )
        .where(listing.c.batch_id == batch_id, listing.c.bucket == bucket)
    )
    if force:
        return statement
    spared = conversion.c.code == SKIPPED[Decision.DEGRADES]
    return statement.where(
        sa.or_(
            *([spared] if degrading else []),
            conversion.c.id.is_(None),
            sa.and_(source.c.etag != listing.c.etag, sa.not_(same_bytes)),
            conversion.c.digest != spec.digest(),
            conversion.c.state.not_in(_DONE),
            # A refused target may be free by now.
            conversion.c.code.in_(_REFUSED),
        )
    )


def _left_behind(
    batch_id: int, bucket: str, number: int, spec: RenditionSpec, before: datetime
) -> sa.Select[tuple[Any, ...]]:
    """What failed or was refused, and what no open batch wants any more, of sources that this batch doesn't list."""
    listed = sa.exists().where(
        listing.c.batch_id == batch_id, listing.c.bucket == conversion.c.bucket, listing.c.key == conversion.c.key
    )
    open_batch = sa.exists().where(
        batch_conversion.c.conversion_id == conversion.c.id,
        batch.c.id == batch_conversion.c.batch_id,
        batch.c.reported_at.is_(None),
    )
    abandoned = sa.or_(~open_batch, conversion.c.changed_at < now() - LEFT_BEHIND)
    return (
        sa.select(
            sa.literal(number).label("spec"),
            conversion.c.bucket,
            conversion.c.key,
            source.c.etag,
            source.c.size,
            source.c.last_modified,
            conversion.c.id,
            conversion.c.state,
            conversion.c.digest,
            conversion.c.attempt,
            conversion.c.max_attempts,
            conversion.c.retry_at,
            source.c.etag.label("planned_etag"),
            source.c.codec,
            source.c.bitrate,
            source.c.duration,
            sa.false().label("listed"),
        )
        .select_from(conversion)
        .join(source, source.c.id == conversion.c.source_id)
        .where(
            conversion.c.newest,
            conversion.c.bucket == bucket,
            conversion.c.profile == spec.name,
            conversion.c.target_bucket == target_bucket(spec, bucket),
            source.c.last_modified < before,
            sa.or_(
                conversion.c.state.in_(_FAILED),
                conversion.c.code.in_(_REFUSED),
                sa.and_(conversion.c.state.in_([state.value for state in sorted(ACTIVE)]), abandoned),
            ),
            ~listed,
        )
    )
