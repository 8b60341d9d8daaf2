"""The second step of a batch: what is new or changed becomes conversions, in shards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from airflow.sdk import Context

from oss_audio.defaults import PRICES, SHARD_MINUTES, SHARD_SIZE
from oss_audio.operators.base import OSSAudioBatchOperator
from oss_audio.translate_errors import translate_errors
from oss_audio.values import ShardHandle, as_batch, as_text
from oss_audio_core.catalogue import batches
from oss_audio_core.pipeline.batch_request import BatchRequest
from oss_audio_core.pipeline.decisions import Plan
from oss_audio_core.pipeline.estimating import PriceTable
from oss_audio_core.pipeline.planning import plan_batch
from oss_audio_core.pipeline.sharding import ShardLimits
from oss_audio_core.text.escaping import for_log


class OSSAudioPlanOperator(OSSAudioBatchOperator):
    """Plan a batch from its listing; a dry run shows the plan in the log and keeps nothing.

    Args:
        batch: what `OSSAudioListOperator` or `OSSAudioRequeueOperator` returned.
        prices: path of a YAML price table (`currency`, `per_minute`, `per_request`) for the estimate in the log;
            without one the cost is unknown.
        shard_size: most conversions of a shard, as far as 64 shards suffice.
        shard_minutes: about so many minutes of output in a shard, likewise.

    Returns:
        The batch's shards, for `OSSAudioConvertOperator.partial(...).expand(shard=plan.output)`.
    """

    template_fields: Sequence[str] = ("batch", "prices")

    def __init__(
        self,
        *,
        prices: Any = PRICES,
        shard_size: int = SHARD_SIZE,
        shard_minutes: float = SHARD_MINUTES,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.prices = prices
        self.shard_size = shard_size
        self.shard_minutes = shard_minutes

    def execute(self, context: Context) -> list[ShardHandle]:
        """Plan the batch and log what was decided."""
        handle = as_batch(self.batch)
        settings = self.oss()
        with translate_errors("Planning the batch", settings), self.catalogue() as catalogue:
            with catalogue.read() as connection:
                batch = batches.get_batch(connection, *handle)
                if batch.planned_at is not None:
                    shards = batches.shards_of(connection, batch.id)
                    decided = ", ".join(f"{count} {decision}" for decision, count in batch.decisions.items())
                    self.log.info("Planned already: %s", decided or "nothing to do")
                    return [ShardHandle(batch=batch.id, uid=batch.uid, shard=shard) for shard in shards]
            path = as_text(self.prices)
            request = BatchRequest.from_json(batch.params)
            plan = plan_batch(
                catalogue,
                request.selection(),
                request.specs(),
                batch.id,
                replace(request.plan_options(), shards=ShardLimits(self.shard_size, self.shard_minutes)),
                oss=settings,
                uid=batch.uid,
                prices=PriceTable.load(Path(path)) if path else None,
            )
        self._log_plan(plan, dry_run=request.dry_run)
        return [ShardHandle(batch=batch.id, uid=batch.uid, shard=shard) for shard in plan.shards]

    def _log_plan(self, plan: Plan, *, dry_run: bool) -> None:
        decided = ", ".join(f"{count} {decision}" for decision, count in plan.decisions.items()) or "nothing to do"
        self.log.info("%s: %s; %d unchanged", "Dry run" if dry_run else "Plan", decided, plan.unchanged)
        if plan.estimate.conversions:
            self.log.info("Estimate: %s", plan.estimate)
        for decision, key, profile, target in plan.examples:
            self.log.info("  %-15s %s  as %s  ->  %s", decision, for_log(key), for_log(profile), for_log(target))
        if plan.wanted > len(plan.examples):
            self.log.info("  … and %d more", plan.wanted - len(plan.examples))
        for decision, key, profile, reason in plan.refused:
            self.log.warning("  %-15s %s  as %s: %s", decision, for_log(key), for_log(profile), for_log(reason))
        if dry_run:
            self.log.info("Dry run: nothing was submitted")
