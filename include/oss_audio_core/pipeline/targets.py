"""Owners of final keys, each one source and one profile; an owner whose source or profile is gone gives it up."""

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
from oss_audio_core.pipeline.rendition_spec import RenditionSpec, is_single
from oss_audio_core.pipeline.selection import Selection, SelectionError
from oss_audio_core.pipeline.source_existence import SourceExistence

_IN_FLIGHT = frozenset(state.value for state in IN_FLIGHT)

Targets = Mapping[str, tuple[str, str]]
"""Bucket and key of the targets, by source key; the sources are all of the selection's bucket."""


@dataclass(frozen=True)
class Contest:
    """Targets of one spec that another conversion owns.

    Attributes:
        busy: keys of sources whose target a single conversion writes at this moment.
        owners: key of the source that owns the target, by the key of the source that wants it; only where the owner is
            not listed, so that OSS has to say whether it still exists.
    """

    busy: frozenset[str]
    owners: Mapping[str, str]


def contest(
    connection: Connection, selection: Selection, batch_id: int, spec: RenditionSpec, targets: Targets
) -> Contest:
    """Look up which targets are contested. Nothing is written."""
    busy, owners = set(), {}
    standing = planning.owners(connection, targets) if targets else {}
    for key, target in targets.items() if standing else ():
        other = standing.get(target)
        if other is None or other.bucket != selection.bucket:
            continue
        if other.key == key:
            if _is_being_written(other) and other.profile != spec.name:
                busy.add(key)
        elif not planning.is_listed(connection, batch_id, other.bucket, other.key):
            owners[key] = other.key
    return Contest(frozenset(busy), owners)


def own_targets(
    connection: Connection,
    selection: Selection,
    spec: RenditionSpec,
    targets: Targets,
    wanted: frozenset[str],
    existence: SourceExistence,
) -> None:
    """Make each source the owner of its target, before its conversion is begun.

    Args:
        connection: of the transaction.
        selection: of the batch.
        spec: the rendition that the targets are of.
        targets: of the sources.
        wanted: names of all specs that the batch makes.
        existence: which other sources are gone.

    Raises:
        SelectionError: naming both sources, or both profiles, and the target they share.
    """
    claimed: dict[tuple[str, str], str] = {}
    for key, target in targets.items():
        if target in claimed:
            raise _shared(spec, target, claimed[target], key)
        claimed[target] = key
    for target, other in planning.owners(connection, targets).items():
        key = claimed[target]
        if (other.bucket, other.key, other.profile) == (selection.bucket, key, spec.name):
            continue
        if (other.bucket, other.key) == (selection.bucket, key):
            if not _gives_way(other, spec, wanted):
                raise _one_source_twice(spec, target, other.profile, key)
        elif other.bucket != selection.bucket or not existence.is_gone(other.key):
            raise _shared(spec, target, other.key, key)
        # The rendition that stands there, if any, is replaced when its successor is published.
        planning.outdate(
            connection, [other.id], message="its source or profile is gone, and another one has its target"
        )


def _is_being_written(other: Row[Any]) -> bool:
    """Whether a task of a single conversion may be writing there; one that hasn't moved for long is left behind."""
    return is_single(other.profile) and other.state in _IN_FLIGHT and other.changed_at > now() - LEFT_BEHIND


def _gives_way(other: Row[Any], spec: RenditionSpec, wanted: frozenset[str]) -> bool:
    """Whether another rendition of the same source leaves its target to this one."""
    if is_single(other.profile):
        # A single conversion is unverified, and its target is the profile's own: the profile's rendition follows it.
        return not is_single(spec.name)
    return other.profile not in wanted and other.profile not in load_profiles()


def _shared(spec: RenditionSpec, target: tuple[str, str], one: str, other: str) -> SelectionError:
    return SelectionError(
        f"sources {one!r} and {other!r} would both become 'oss://{target[0]}/{target[1]}' by profile "
        f"{spec.name}: give them different targets ({{basename}} or {{ext}} in a profile's target key), or "
        "exclude one of them"
    )


def _one_source_twice(spec: RenditionSpec, target: tuple[str, str], other: str, key: str) -> SelectionError:
    place = f"oss://{target[0]}/{target[1]}"
    if is_single(spec.name):
        return SelectionError(
            f"{place!r} is where profile {other} puts its rendition of {key!r}, verified and published by the batches: "
            "take that one, or give target_key for one of your own"
        )
    return SelectionError(
        f"profiles {other} and {spec.name} both turn {key!r} into {place!r}: give one of them another target"
    )
