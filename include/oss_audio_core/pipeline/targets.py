"""Who owns a final key: one source and one profile; whoever is gone gives it up."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.audio_convert import load_profiles
from oss_audio_core.catalogue.conversions import move
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import conversion, listing
from oss_audio_core.catalogue.states import ACTIVE, IN_FLIGHT, State, Verb
from oss_audio_core.pipeline.candidates import LEFT_BEHIND
from oss_audio_core.pipeline.rendition_spec import RenditionSpec, is_single
from oss_audio_core.pipeline.selection import Selection, SelectionError
from oss_audio_core.pipeline.source_existence import SourceExistence

_IN_FLIGHT = frozenset(state.value for state in IN_FLIGHT)


class TargetsBusy(Exception):
    """Not an error: conversions that were asked for by themselves are writing to sources' targets this moment.

    `which`: names of specs and keys of sources.
    """

    def __init__(self, which: Set[tuple[str, str]]) -> None:
        super().__init__(f"{len(which)} targets are being written")
        self.which = which


def own_targets(
    connection: Connection,
    selection: Selection,
    batch_id: int,
    spec: RenditionSpec,
    targets: dict[str, tuple[str, str]],
    wanted: frozenset[str],
    whereabouts: SourceExistence,
) -> None:
    """Make each source the owner of its target, before its conversion is begun.

    Args:
        targets: bucket and key of the target, by source key; the sources are all of the selection's bucket.
        wanted: names of all specs that the batch makes.
        whereabouts: which other sources are gone; where that isn't known yet, all of this is to be undone.

    Raises:
        SelectionError: naming both sources, or both profiles, and the target they share.
        TargetsBusy: of sources that are to be left for a later batch; all of this is to be undone.
    """
    owners: dict[tuple[str, str], str] = {}
    for key, target in targets.items():
        if target in owners:
            raise _shared(spec, target, owners[target], key)
        owners[target] = key
    busy: set[tuple[str, str]] = set()
    for other in _owners(connection, owners):
        target = (other.target_bucket, other.target_key)
        if target not in owners:
            continue
        key = owners[target]
        if (other.bucket, other.key, other.profile) == (selection.bucket, key, spec.name):
            continue
        same_source = (other.bucket, other.key) == (selection.bucket, key)
        if same_source and _is_being_written(other):
            busy.add((spec.name, key))
            continue
        if same_source:
            gone = _gives_way(other, spec, wanted)
        else:
            gone = _source_gone(connection, selection, batch_id, other, whereabouts)
        if gone:
            _give_up(connection, other.id)
        elif same_source:
            raise _one_source_twice(spec, target, other.profile, key)
        else:
            raise _shared(spec, target, other.key, key)
    if busy:
        raise TargetsBusy(busy)


def _owners(connection: Connection, targets: dict[tuple[str, str], str]) -> Sequence[Any]:
    return connection.execute(
        sa.select(
            conversion.c.id,
            conversion.c.bucket,
            conversion.c.key,
            conversion.c.profile,
            conversion.c.target_bucket,
            conversion.c.target_key,
            conversion.c.state,
            conversion.c.changed_at,
        )
        .where(
            conversion.c.newest,
            conversion.c.state != State.SKIPPED.value,
            conversion.c.target_bucket.in_({bucket for bucket, _ in targets}),
            conversion.c.target_key.in_([key for _, key in targets]),
        )
        .order_by(conversion.c.id)  # as they are locked: see `conversions`
    ).all()


def _source_gone(
    connection: Connection, selection: Selection, batch_id: int, other: Any, whereabouts: SourceExistence
) -> bool:
    """Whether the other source's object is there no more. That it isn't listed says little: see `SourceExistence`."""
    if other.bucket != selection.bucket:
        return False
    here = listing.c.batch_id == batch_id, listing.c.bucket == other.bucket, listing.c.key == other.key
    if connection.execute(sa.select(listing.c.key).where(*here)).first() is not None:
        return False
    return whereabouts.is_gone(other.key)


def _is_being_written(other: Any) -> bool:
    """Whether a task of a single conversion may be writing there, unless it hasn't been heard of for long."""
    return is_single(other.profile) and other.state in _IN_FLIGHT and other.changed_at > now() - LEFT_BEHIND


def _gives_way(other: Any, spec: RenditionSpec, wanted: frozenset[str]) -> bool:
    """Whether another rendition of the same source leaves its target to this one."""
    if is_single(other.profile):
        # What was asked for by itself is unverified, and its target is the profile's own: the profile's follows it.
        return not is_single(spec.name)
    return other.profile not in wanted and other.profile not in load_profiles()


def _give_up(connection: Connection, conversion_id: int) -> None:
    """The rendition that stands there, if any, is replaced when its successor is published."""
    # One that is verified may be on its way there this moment: what stands there must be what the catalogue says.
    under_way = [state.value for state in ACTIVE - {State.VERIFIED}]
    active = sa.and_(conversion.c.id == conversion_id, conversion.c.state.in_(under_way))
    move(
        connection,
        Verb.SUPERSEDE,
        connection.scalars(sa.select(conversion.c.id).where(active).with_for_update()).all(),
        message="its source or profile is gone, and another one has its target",
    )
    connection.execute(sa.update(conversion).where(conversion.c.id == conversion_id).values(newest=False))


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
