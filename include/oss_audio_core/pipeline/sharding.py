"""How a batch is cut into shards: few enough to map over, large enough to be worth a task."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.schema import batch_conversion

MAX_SHARDS = 64
"""A run maps over at most this many shards, whatever the number of files."""

MIN_SHARD = 1000
"""Below this a shard isn't worth a task instance of its own."""


def cut_shards(connection: Connection, batch_id: int, wanted: int) -> None:
    """Give each of the batch's conversions its shard, in the order of their ordinals.

    Args:
        wanted: how many conversions the batch has; their ordinals are 0 to wanted - 1.
    """
    size = max(MIN_SHARD, -(-wanted // MAX_SHARDS))
    connection.execute(
        sa.update(batch_conversion)
        .where(batch_conversion.c.batch_id == batch_id)
        .values(shard=batch_conversion.c.ordinal // sa.literal(size))
    )
