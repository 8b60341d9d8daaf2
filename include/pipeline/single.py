"""Planning one conversion of one source, as a task of somebody's own DAG asks for it."""

from __future__ import annotations

import sqlalchemy as sa

from include.catalogue import batches, conversions
from include.catalogue.batches import ListedObject
from include.catalogue.database import Catalogue
from include.catalogue.schema import rendition
from include.catalogue.states import State

from .decisions import Decision
from .planning import plan_batch
from .request import BatchRequest, RequestError


def plan_single(catalogue: Catalogue, request: BatchRequest, name: str, source: ListedObject) -> int:
    """Plan a batch of one, or take up the one of that name where it stands; its only shard is number 0.

    A task that runs again after its conversion failed wants another attempt; one that runs again after anything
    else changes nothing.

    Returns:
        The batch's id.

    Raises:
        RequestError: the source is a rendition of ours, or has failed too often.
        SelectionError: the target is the source itself, or belongs to another source.
    """
    with catalogue.write() as connection:
        ours = sa.select(rendition.c.id).where(rendition.c.bucket == source.bucket, rendition.c.key == source.key)
        if connection.scalar(ours) is not None:
            raise RequestError(f"oss://{source.bucket}/{source.key} is itself a rendition of the catalogue")
        batch = batches.open_batch(connection, name, request.to_json())
        if batch.planned_at is None:
            batches.begin_listing(connection, batch.id)
            batches.add_listed(connection, batch.id, [source])
    plan = plan_batch(
        catalogue,
        request.selection(),
        request.renderings(),
        batch.id,
        force=request.force,
        max_attempts=request.max_attempts,
        # Somebody asks for this very file: a failure an hour ago is no reason to let it rest.
        retry_now=True,
    )
    if plan.decisions[Decision.DEAD]:
        raise RequestError(f"oss://{source.bucket}/{source.key} has failed too often: mend it, or set force")
    if batch.planned_at is not None:
        with catalogue.write() as connection:
            failed = conversions.of_batch(connection, batch.id, [State.FAILED, State.QUARANTINED])
            conversions.retry(connection, [one.id for one in failed])
    return batch.id
