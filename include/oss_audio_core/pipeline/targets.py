"""Owners of final keys, each one source and one profile; an owner whose source or profile is gone gives it up.

A source that may not have its target is refused by itself: the reason names the other one, and its neighbours go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.engine import Connection, Row

from oss_audio_core.audio_convert import load_profiles
from oss_audio_core.catalogue import planning
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.states import IN_FLIGHT
from oss_audio_core.pipeline.candidates import LEFT_BEHIND
from oss_audio_core.pipeline.decisions import Decision
from oss_audio_core.pipeline.rendition_spec import RenditionSpec, is_single
from oss_audio_core.pipeline.selection import Selection, SelectionError, own_target_reason, selects_target
from oss_audio_core.pipeline.source_existence import SourceExistence
from oss_audio_core.pipeline.target_look import Found, Target, TargetLook

_IN_FLIGHT = frozenset(state.value for state in IN_FLIGHT)


@dataclass(frozen=True)
class Verdict:
    """Whether a source may have its target.

    Attributes:
        decision: why it may not; None: it may.
        reason: the same as a sentence, where the row says it.
        unknown_owner: key of another source that owns the target; OSS has to say whether it still exists.
        former_owner: id of the conversion that owned it and gives it up.
    """

    decision: Decision | None = None
    reason: str | None = None
    unknown_owner: str | None = None
    former_owner: int | None = None


_FREE = Verdict()


class TargetRules:
    """Judges the targets of one batch, within the transaction that plans it. Nothing is written."""

    def __init__(
        self,
        connection: Connection,
        selection: Selection,
        batch_id: int,
        wanted: frozenset[str],
        existence: SourceExistence,
        look: TargetLook,
    ) -> None:
        """Prepare.

        Args:
            connection: of the transaction.
            selection: of the batch.
            batch_id: of the batch.
            wanted: names of all specs that the batch makes.
            existence: which other sources are gone.
            look: what stands at the targets, and which of the batch's sources want each.
        """
        self._connection = connection
        self._selection = selection
        self._batch_id = batch_id
        self._wanted = wanted
        self._existence = existence
        self._look = look

    def unknown_owners(self, targets: Mapping[str, Target]) -> set[str]:
        """The keys of other sources that own targets, and of which only OSS can say whether they exist."""
        if not self._existence.can_ask:
            return set()
        standing = planning.owners(self._connection, targets) if targets else {}
        owners = ((key, standing[target]) for key, target in targets.items() if target in standing)
        return {other.key for key, other in owners if self._may_be_gone(key, other)}

    def judge(self, spec: RenditionSpec, targets: Mapping[str, Target]) -> dict[str, Verdict]:
        """Judge the targets of one spec, at most a thousand, by source key.

        Raises:
            SelectionError: two profiles of the batch have one target for one source.
        """
        if not targets:
            return {}
        standing = planning.owners(self._connection, targets)
        found = self._look.find(targets.values())
        return {
            key: self._judge(spec, key, target, standing.get(target), found.get(target))
            for key, target in targets.items()
        }

    def _judge(
        self, spec: RenditionSpec, key: str, target: Target, owner: Row[Any] | None, found: Found | None
    ) -> Verdict:
        if found is not None and found.rival == found.source:
            raise _one_source_twice(spec, target, str(found.rival_profile), found.profile, key)
        if selects_target(self._selection, target):
            return Verdict(Decision.SELECTED, own_target_reason(spec, key, target))
        verdict = self._judge_owner(spec, key, target, owner, found)
        if verdict.decision is not None:
            return verdict
        if found is None:
            # It was added to the plan since OSS was asked.
            return Verdict(Decision.OWNER_UNKNOWN)
        if found.occupant is None or (owner is not None and _may_have_written(owner)):
            return verdict
        return Verdict(Decision.OCCUPIED, found.occupant)

    def _judge_owner(
        self, spec: RenditionSpec, key: str, target: Target, owner: Row[Any] | None, found: Found | None
    ) -> Verdict:
        if owner is None:
            rival = None if found is None or found.rival is None else _other(found, key)
            return _FREE if rival is None else Verdict(Decision.SHARED, _shared(spec, target, *sorted((rival, key))))
        if (owner.bucket, owner.key) != (self._selection.bucket, key):
            if not self._may_be_gone(key, owner):
                return Verdict(Decision.SHARED, _shared(spec, target, owner.key, key))
            if self._existence.is_unknown(owner.key):
                return Verdict(Decision.OWNER_UNKNOWN, unknown_owner=owner.key)
            if not self._existence.is_gone(owner.key):
                return Verdict(Decision.SHARED, _shared(spec, target, owner.key, key))
            return Verdict(former_owner=owner.id)
        if owner.profile == spec.name:
            return _FREE
        if _is_being_written(owner):
            return Verdict(Decision.BUSY)
        if not _gives_way(owner, spec, self._wanted):
            return Verdict(Decision.SHARED, _twice(spec, target, owner.profile, key))
        return Verdict(former_owner=owner.id)

    def _may_be_gone(self, key: str, owner: Row[Any]) -> bool:
        """Whether an owner is another source of the bucket that the batch doesn't list."""
        return (
            owner.bucket == self._selection.bucket
            and owner.key != key
            and not planning.is_listed(self._connection, self._batch_id, owner.bucket, owner.key)
        )


def _other(found: Found, key: str) -> str | None:
    return found.rival if found.source == key else found.source


def _may_have_written(owner: Row[Any]) -> bool:
    """Whether a submit of the owner, not known yet, may have put the object there. The next submit looks once more."""
    return owner.publish != "staged" and owner.state in _IN_FLIGHT


def _is_being_written(other: Row[Any]) -> bool:
    """Whether a task of a single conversion may be writing there; one that hasn't moved for long is left behind."""
    return is_single(other.profile) and other.state in _IN_FLIGHT and other.changed_at > now() - LEFT_BEHIND


def _gives_way(other: Row[Any], spec: RenditionSpec, wanted: frozenset[str]) -> bool:
    """Whether another rendition of the same source leaves its target to this one."""
    if is_single(other.profile):
        # A single conversion is unverified, and its target is the profile's own: the profile's rendition follows it.
        return not is_single(spec.name)
    return other.profile not in wanted and other.profile not in load_profiles()


def _shared(spec: RenditionSpec, target: Target, one: str, other: str) -> str:
    return (
        f"sources {one!r} and {other!r} would both become 'oss://{target[0]}/{target[1]}' by profile "
        f"{spec.name}: give them different targets ({{basename}} or {{ext}} in a profile's target key), or "
        "exclude one of them"
    )


def _twice(spec: RenditionSpec, target: Target, other: str, key: str) -> str:
    place = f"oss://{target[0]}/{target[1]}"
    if is_single(spec.name):
        return (
            f"{place!r} is where profile {other} puts its rendition of {key!r}, verified and published by the batches: "
            "take that one, or give target_key for one of your own"
        )
    return f"profiles {other} and {spec.name} both turn {key!r} into {place!r}: give one of them another target"


def _one_source_twice(spec: RenditionSpec, target: Target, one: str, other: str, key: str) -> SelectionError:
    first, second = sorted((one, other))
    place = f"oss://{target[0]}/{target[1]}"
    return SelectionError(
        f"profiles {first} and {second} both turn {key!r} into {place!r}: give one of them another target"
    )
