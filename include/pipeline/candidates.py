"""What a batch has to decide about: listed sources whose rendition is missing, undone or outdated, in order.

One statement puts them, numbered, into a temporary table, and pages are read from that: a plan over a million sources
sorts once and never holds more than a page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from include.catalogue.conversions import CHUNK
from include.catalogue.schema import UtcDateTime, conversion, listing, source
from include.catalogue.states import State

from .decisions import SKIPPED, Decision
from .renderings import Rendering, target_bucket


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
    sa.Column("rendering", sa.Integer, nullable=False),
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
    sa.Column("duration", sa.Float),
    prefixes=["TEMPORARY"],
)

_DONE = [State.PUBLISHED.value, State.SKIPPED.value]


class Candidates:
    """The candidates of one planning, for the length of its transaction."""

    def __init__(
        self,
        connection: Connection,
        batch_id: int,
        bucket: str,
        renderings: Sequence[Rendering],
        *,
        force: bool,
        degrading: bool,
        order: Order,
    ) -> None:
        """Find them.

        Args:
            bucket: of the sources.
            force: everything listed is one.
            degrading: also what an earlier batch skipped because it would have degraded its source.
        """
        self._connection = connection
        connection.execute(sa.schema.DropTable(candidate, if_exists=True))
        connection.execute(sa.schema.CreateTable(candidate))
        found = sa.union_all(
            *(
                _of_rendering(batch_id, bucket, number, rendering, force=force, degrading=degrading)
                for number, rendering in enumerate(renderings)
            )
        ).subquery()
        first: dict[Order, list[sa.ColumnElement[Any]]] = {
            Order.PROFILE: [found.c.rendering],
            Order.KEY: [],
            Order.NEWEST: [found.c.last_modified.desc()],
            Order.SMALLEST: [found.c.size],
        }
        position = sa.func.row_number().over(order_by=[*first[order], found.c.key, found.c.rendering])
        columns = [column.name for column in candidate.columns]
        numbered = sa.select(position.label("position"), *(found.c[name] for name in columns[1:]))
        connection.execute(sa.insert(candidate).from_select(columns, numbered))

    def count(self) -> int:
        """How many there are."""
        return self._connection.execute(sa.select(sa.func.count()).select_from(candidate)).scalar_one()

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


def _of_rendering(
    batch_id: int, bucket: str, number: int, rendering: Rendering, *, force: bool, degrading: bool
) -> sa.Select[tuple[Any, ...]]:
    content = source.alias("content")
    statement = (
        sa.select(
            sa.literal(number).label("rendering"),
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
            source.c.etag.label("planned_etag"),
            content.c.codec,
            content.c.duration,
        )
        .select_from(listing)
        .outerjoin(
            conversion,
            sa.and_(
                conversion.c.bucket == listing.c.bucket,
                conversion.c.key == listing.c.key,
                conversion.c.profile == rendering.name,
                conversion.c.target_bucket == target_bucket(rendering, bucket),
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
            source.c.etag != listing.c.etag,
            conversion.c.digest != rendering.digest(),
            conversion.c.state.not_in(_DONE),
        )
    )
