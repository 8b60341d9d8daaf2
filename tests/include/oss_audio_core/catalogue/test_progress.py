"""The sums of many shards in one statement."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State
from oss_audio_core.catalogue.progress import ShardSums, of_shards, sum_shards
from oss_audio_core.catalogue.schema import batch_conversion, conversion
from tests.include.oss_audio_core.catalogue.rows import DUE_AT

if TYPE_CHECKING:
    pass


def test_shards_of_several_batches_in_one_statement(catalogue: Catalogue, two_batches: tuple[int, int]) -> None:
    one, two = two_batches
    wanted = [(one, 0), (one, 1), (two, 0), (one, 2), (two, 7)]
    with catalogue.read() as connection:
        found = sum_shards(connection, wanted, DUE_AT - timedelta(minutes=2, seconds=30))
    submitted, half = {State.SUBMITTED: 2}, {State.SUBMITTING: 2}
    ended = {State.CONVERTED: 1, State.FAILED: 1}
    assert found == {
        # The earlier of two deadlines; of two leases, one ended before the given time.
        (one, 0): ShardSums(submitted, 0, DUE_AT),
        (one, 1): ShardSums(half, 1, None),
        (two, 0): ShardSums(ended, 0, None),
        (one, 2): ShardSums(ended, 0, None),
        (two, 7): ShardSums(),
    }


def test_shards_are_found_by_index_however_large_the_history_is(catalogue: Catalogue) -> None:
    shards = [(batch, shard) for batch in (3, 4) for shard in range(50)]
    statement = sa.select(sa.func.count()).select_from(batch_conversion.join(conversion)).where(of_shards(shards))
    with catalogue.read() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(sa.text("SET LOCAL enable_seqscan = off"))  # an empty table is read whole otherwise
            explain = "EXPLAIN"
        else:
            explain = "EXPLAIN QUERY PLAN"
        text = str(statement.compile(connection, compile_kwargs={"literal_binds": True}))
        plan = "\n".join(str(row) for row in connection.exec_driver_sql(f"{explain} {text}"))
    assert "ix_batch_conversion_shard" in plan
    assert "SCAN batch_conversion" not in plan
    assert "Seq Scan" not in plan
