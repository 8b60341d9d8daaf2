"""Cancelling a batch: its planned conversions are not submitted any more, unless another batch wants them.

Conversions in flight can't be recalled (OSS has no request for it) and are paid for. They end as usual, and this
batch's run or the next one that selects their source continues with them.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from oss_audio_core.catalogue.conversions import count_states, move
from oss_audio_core.catalogue.database import Catalogue, exclusive
from oss_audio_core.catalogue.errors import NoSuchBatch
from oss_audio_core.catalogue.schema import batch, batch_conversion, conversion
from oss_audio_core.catalogue.states import IN_FLIGHT, State, Verb


@dataclass(frozen=True)
class Cancelled:
    """The outcome for a cancelled batch's conversions, as counts.

    Attributes:
        cancelled: not submitted any more; the next run that selects their source plans them anew.
        left_to_others: wanted by another batch that is not over; they stay planned for that batch alone.
        in_flight: submitted, or possibly so; they go on.
    """

    cancelled: int
    left_to_others: int
    in_flight: int


def cancel_batch(catalogue: Catalogue, name: str) -> Cancelled:
    """Cancel the planned conversions of a batch. A second call changes nothing.

    The batch leaves conversions that other batches want. Such a conversion is cancelled with the last batch that wants
    it. A run that is submitting meanwhile keeps the conversions that it has claimed.

    Args:
        catalogue: the open catalogue.
        name: of the run, such as `dag_id/run_id`.

    Raises:
        NoSuchBatch: the catalogue has no batch of that name.
    """
    with catalogue.write() as connection:
        # No batch may join a conversion between this reading and the end of the transaction.
        exclusive(connection, "plan")
        batch_id = connection.scalar(sa.select(batch.c.id).where(batch.c.name == name))
        if batch_id is None:
            raise NoSuchBatch(f"the catalogue has no run {name!r}")
        mine = batch_conversion.c.batch_id == batch_id
        planned = (
            sa.select(conversion.c.id)
            .join(batch_conversion, batch_conversion.c.conversion_id == conversion.c.id)
            .where(mine, conversion.c.state == State.PLANNED.value)
        )
        elsewhere = batch_conversion.alias("elsewhere")
        wanted = (
            sa.exists()
            .where(elsewhere.c.conversion_id == conversion.c.id, elsewhere.c.batch_id != batch_id)
            .where(batch.c.id == elsewhere.c.batch_id, batch.c.reported_at.is_(None))
        )
        left = sa.delete(batch_conversion).where(mine, batch_conversion.c.conversion_id.in_(planned.where(wanted)))
        left_to_others = connection.execute(left).rowcount
        ids = connection.scalars(planned.order_by(conversion.c.id)).all()
        cancelled = move(connection, Verb.CANCEL, ids, message=f"{name} was cancelled before it was submitted")
        counts = count_states(connection, batch_id)
    return Cancelled(cancelled, left_to_others, sum(counts.get(state, 0) for state in IN_FLIGHT))
