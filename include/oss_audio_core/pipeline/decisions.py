"""What planning may decide about a source and a rendition, and the plan that these decisions add up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from oss_audio_core.pipeline.estimating import Estimate
from oss_audio_core.pipeline.final_keys import CODE

SHOWN = 20
"""How many planned conversions, and how many refused targets, the plan shows by name."""


class Decision(StrEnum):
    """Why a batch wants a conversion, or why it leaves one alone."""

    NEW = "new"
    CHANGED = "source changed"
    REPARAMETRISED = "profile changed"
    FORCED = "forced"
    RETRY = "retry"
    REQUEUED = "requeued"
    JOINED = "joined"
    EMPTY = "empty source"
    NO_TARGET = "impossible target"
    DEGRADES = "would degrade"
    BACKING_OFF = "failed, backing off"
    DEAD = "failed for good"
    RENDITION = "a rendition itself"
    BUSY = "target being written"
    OWNER_UNKNOWN = "target's owner not known"
    OCCUPIED = "target occupied"
    SHARED = "target of another"
    SELECTED = "target is selected"


LEFT_ALONE = frozenset({Decision.BACKING_OFF, Decision.DEAD, Decision.RENDITION, Decision.BUSY, Decision.OWNER_UNKNOWN})
"""Decisions that leave a conversion out of the batch."""

REFUSED = {Decision.OCCUPIED: CODE, Decision.SHARED: "TargetShared", Decision.SELECTED: "TargetSelected"}
"""Decisions that refuse a target, with the code of the row. They are made anew each time: objects and sources go."""

SKIPPED = {
    Decision.EMPTY: "EmptySource",
    Decision.NO_TARGET: "ImpossibleTarget",
    Decision.DEGRADES: "WouldDegrade",
    **REFUSED,
}
"""Decisions that leave a row that says why there is nothing to convert, with its code."""

FRESH = frozenset({Decision.NEW, Decision.CHANGED, Decision.REPARAMETRISED, Decision.FORCED, *SKIPPED})
"""Decisions that begin a new generation."""

PAID = FRESH.union({Decision.RETRY, Decision.REQUEUED}).difference(SKIPPED)
"""Decisions that lead to a submit of this batch, which is paid for."""

NOT_SHOWN = LEFT_ALONE.union(SKIPPED)
"""Decisions without a target to show."""


@dataclass
class Plan:
    """What planning decided.

    Attributes:
        shards: numbers of the batch's shards; empty when there is nothing to do, or for a dry run.
        decisions: how many conversions were decided how.
        unchanged: conversions that are done and still right.
        estimate: of what will be paid for.
        examples: the first decisions, as (decision, source key, profile, target).
        refused: the first refused targets, as (decision, source key, profile, reason).
    """

    shards: list[int] = field(default_factory=list)
    decisions: Counter[str] = field(default_factory=Counter)
    unchanged: int = 0
    estimate: Estimate = field(default_factory=Estimate)
    examples: list[tuple[str, str, str, str]] = field(default_factory=list)
    refused: list[tuple[str, str, str, str]] = field(default_factory=list)

    @property
    def wanted(self) -> int:
        """Conversions the batch has to see through."""
        return sum(count for decision, count in self.decisions.items() if Decision(decision) not in LEFT_ALONE)
