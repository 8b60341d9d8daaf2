"""The progress of shards: one statement for all shards that are waited for."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.schema import batch_conversion, conversion
from oss_audio_core.catalogue.states import State

ShardKey = tuple[int, int]
"""A batch's id and the number of one of its shards."""


@dataclass
class ShardSums:
    """The sums over a shard's conversions.

    Attributes:
        states: number of conversions by state.
        abandoned: number of conversions in `submitting` whose lease ended long ago.
        deadline: the earliest deadline of the submitted ones; None: none is submitted.
    """

    states: Counter[State] = field(default_factory=Counter)
    abandoned: int = 0
    deadline: datetime | None = None


def of_shards(shards: Collection[ShardKey]) -> sa.ColumnElement[bool]:
    """Whether a row of `batch_conversion` belongs to one of the shards."""
    by_batch: defaultdict[int, set[int]] = defaultdict(set)
    for batch, shard in shards:
        by_batch[batch].add(shard)
    # A condition for each batch, not one on pairs: for that SQLite would read the whole table.
    conditions = (
        sa.and_(batch_conversion.c.batch_id == batch, batch_conversion.c.shard.in_(sorted(wanted)))
        for batch, wanted in sorted(by_batch.items())
    )
    return sa.or_(sa.false(), *conditions)


def sum_shards(
    connection: Connection, shards: Collection[ShardKey], abandoned_before: datetime
) -> dict[ShardKey, ShardSums]:
    """The sums of each of the shards.

    Args:
        connection: an open transaction of the catalogue.
        shards: the shards.
        abandoned_before: a conversion in `submitting` whose lease ended earlier counts as abandoned.
    """
    left = sa.and_(conversion.c.state == State.SUBMITTING.value, conversion.c.lease_until < abandoned_before)
    statement = (
        sa.select(
            batch_conversion.c.batch_id,
            batch_conversion.c.shard,
            conversion.c.state,
            sa.func.count().label("rows"),
            sa.func.sum(sa.case((left, 1), else_=0)).label("abandoned"),
            sa.func.min(conversion.c.deadline_at).label("deadline"),
        )
        .join(conversion, conversion.c.id == batch_conversion.c.conversion_id)
        .where(of_shards(shards))
        .group_by(batch_conversion.c.batch_id, batch_conversion.c.shard, conversion.c.state)
    )
    found: defaultdict[ShardKey, ShardSums] = defaultdict(ShardSums)
    for row in connection.execute(statement):
        sums = found[row.batch_id, row.shard]
        sums.states[State(row.state)] += row.rows
        sums.abandoned += row.abandoned
        if row.state == State.SUBMITTED.value:
            sums.deadline = row.deadline
    return {shard: found[shard] for shard in shards}
