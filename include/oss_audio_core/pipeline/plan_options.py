"""How a batch is planned, as one value."""

from __future__ import annotations

from dataclasses import dataclass

from oss_audio_core.pipeline.candidates import Order
from oss_audio_core.pipeline.sharding import DEFAULT_LIMITS, ShardLimits


@dataclass(frozen=True)
class PlanOptions:
    """The options of planning, besides the selection and the rendition specs.

    Attributes:
        leftovers: where the selection takes only what was written lately, also see to older sources of it that earlier
            batches planned and left: failed with attempts left, or under way with no open batch that wants them.
        force: make every listed source's renditions anew.
        limit: take at most so many sources that have something to do, the first in the order; None: all of them.
        max_attempts: after so many failures a conversion is dead.
        retry_now: plan failed conversions again before their time to back off is over.
        order: what is submitted first.
        never_degrade: skip what would spend more bits than its lossy source has; see `lossy_guard`.
        dry_run: decide everything, keep nothing.
        shards: how large a shard may be.
    """

    leftovers: bool = False
    force: bool = False
    limit: int | None = None
    max_attempts: int = 3
    retry_now: bool = False
    order: Order = Order.PROFILE
    never_degrade: bool = False
    dry_run: bool = False
    shards: ShardLimits = DEFAULT_LIMITS
