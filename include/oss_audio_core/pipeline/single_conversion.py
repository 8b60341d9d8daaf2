"""Planning one conversion of one source, as a single task of any DAG asks for it."""

from __future__ import annotations

import hashlib
import json

from oss_audio_core.catalogue import batches, conversions, planning
from oss_audio_core.catalogue.batches import ListedObject
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.states import State
from oss_audio_core.catalogue.storable import is_storable
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.batch_request import BatchRequest, RequestError
from oss_audio_core.pipeline.decisions import REFUSED, Decision
from oss_audio_core.pipeline.plan_options import PlanOptions
from oss_audio_core.pipeline.planning import plan_batch

_AGAIN = frozenset({Decision.DEAD, *REFUSED})
"""Decisions after which a batch is planned again: another run, or a person, may have changed what they were made by."""


def plan_single(
    catalogue: Catalogue, oss: OssSettings | None, request: BatchRequest, name: str, source: ListedObject
) -> int:
    """Plan a batch of one, or take up the one of that name where it stands; its only shard is number 0.

    A task that runs again after its conversion failed gets another attempt. With other arguments, or for a source that
    was written again meanwhile, it gets another batch. Otherwise nothing changes.

    Args:
        catalogue: for the batch.
        oss: for asking what stands at the target; None: nothing does.
        request: what is asked for.
        name: of the task and its run; the batch's own name says what was asked for and of which content, too.
        source: the object as it is now.

    Returns:
        The batch's id.

    Raises:
        RequestError: the source is a rendition of the catalogue, has failed too often, or has a key with a NUL; or its
            target is refused, which leaves a row with the reason.
        SelectionError: the target is the source itself.
    """
    if not is_storable(source.key):
        raise RequestError(f"the catalogue can't store the key {source.key!a}: copy the object to another key")
    with catalogue.write() as connection:
        if planning.is_rendition(connection, source.bucket, source.key):
            raise RequestError(f"oss://{source.bucket}/{source.key} is itself a rendition of the catalogue")
        batch = batches.open_batch(connection, f"{name}/{_fingerprint(request, source)}", request.to_json())
        begins = batch.planned_at is None or not _AGAIN.isdisjoint(batch.decisions)
        if begins:
            planning.forget_plan(connection, batch.id)
            batches.begin_listing(connection, batch.id)
            batches.add_listed(connection, batch.id, [source])
    plan = plan_batch(
        catalogue,
        request.selection(),
        request.specs(),
        batch.id,
        # A task asks for this very file: a failure an hour ago is no reason to back off.
        PlanOptions(force=request.force, max_attempts=request.max_attempts, retry_now=True),
        oss=oss,
    )
    for _, _, _, reason in plan.refused:
        raise RequestError(reason)
    if plan.decisions[Decision.DEAD]:
        raise RequestError(f"oss://{source.bucket}/{source.key} has failed too often: mend it, or set force")
    if not begins:
        with catalogue.write() as connection:
            failed = conversions.of_batch(connection, batch.id, [State.FAILED, State.QUARANTINED])
            conversions.retry(connection, [one.id for one in failed])
    return batch.id


def _fingerprint(request: BatchRequest, source: ListedObject) -> str:
    wanted = json.dumps([request.to_json(), source.etag], sort_keys=True)
    return hashlib.sha256(wanted.encode()).hexdigest()[:12]
