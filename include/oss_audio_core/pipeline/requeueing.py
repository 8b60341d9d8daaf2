"""Planning failed conversions again on request: by batch, by reason, the dead ones too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue import batches, conversions, planning
from oss_audio_core.catalogue.database import Catalogue, exclusive
from oss_audio_core.catalogue.schema import HAS_FAILED, IS_GIVEN_UP, batch, batch_conversion, conversion
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.batch_request import BatchRequest, RequestError
from oss_audio_core.pipeline.decisions import Decision
from oss_audio_core.pipeline.final_keys import CODE
from oss_audio_core.pipeline.sharding import DEFAULT_LIMITS, ShardLimits
from oss_audio_core.pipeline.target_look import Target, TargetLook

_reason = sa.func.coalesce(conversion.c.code, "unknown")
"""A failure's code as the report counts it."""


@dataclass(frozen=True)
class Wanted:
    """Which failures are tried again; every condition given must hold.

    Attributes:
        batch: name of the batch that wanted them (`dag_id/run_id`); None: any.
        code: the failure's code, as the report counts it; None: any.
        profile: name of the rendition; None: any.
        dead: also those without attempts left.
        attempts: so many more attempts a dead one gets.
        limit: at most so many, the oldest failures first.
    """

    batch: str | None = None
    code: str | None = None
    profile: str | None = None
    dead: bool = False
    attempts: int = 1
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.attempts < 1:
            raise RequestError(f"attempts is {self.attempts}: give 1 or more")
        if self.limit is not None and self.limit < 1:
            raise RequestError(f"limit is {self.limit}: give 1 or more, or nothing for no limit")


def requeue(
    catalogue: Catalogue,
    name: str,
    wanted: Wanted,
    shards: ShardLimits = DEFAULT_LIMITS,
    *,
    oss: OssSettings | None = None,
) -> int:
    """Plan failures again as a batch of their own. A batch of that name that is planned already keeps its plan.

    A conversion whose source changed meanwhile is left to the next listing, which supersedes it. One whose target has
    an object that isn't the catalogue's own stays failed, with that reason, and is in the batch's report.

    Args:
        catalogue: that has the failures.
        name: of the new batch, `dag_id/run_id`.
        wanted: which failures.
        shards: how large a shard may be.
        oss: for asking what stands at the targets; None: nothing does. Publishing looks all the same.

    Returns:
        The batch's id; its shards are those of any planned batch.

    Raises:
        RequestError: there is no such batch, or no failure as wanted; what there is is named.
        oss2.exceptions.OssError, requests.RequestException: OSS can't say what there is; nothing is planned.
    """
    with TargetLook(catalogue, oss) as look:
        with catalogue.read() as connection:
            for key, target in _targets(connection, _failures(connection, wanted)).values():
                look.want("", {key: target})
        look.look()
        return _requeue(catalogue, name, wanted, shards, look)


def _requeue(catalogue: Catalogue, name: str, wanted: Wanted, shards: ShardLimits, look: TargetLook) -> int:
    with catalogue.write() as connection:
        exclusive(connection, "plan")
        ids = _failures(connection, wanted)
        request = _request(connection, ids)
        begun = batches.open_batch(connection, name, request.to_json())
        if begun.planned_at is not None:
            return begun.id
        if not ids:
            raise RequestError(_nothing_found(connection, wanted, begun.id))
        occupied = _occupied(connection, ids, look)
        planning.refuse(connection, [(one, CODE, reason) for one, reason in occupied.items()])
        free = [one for one in ids if one not in occupied]
        conversions.retry(connection, free)
        conversions.revive(connection, free, attempts=wanted.attempts)
        decisions = {one: Decision.OCCUPIED if one in occupied else Decision.REQUEUED for one in ids}
        planning.want(connection, begun.id, [(one, decision.value) for one, decision in decisions.items()])
        minutes = planning.minutes_of_sources(connection, begun.id)
        planning.set_shards(connection, begun.id, shards.size(len(ids), minutes))
        batches.end_planning(connection, begun.id, Counter(decision.value for decision in decisions.values()))
        return begun.id


def _targets(connection: Connection, ids: list[int]) -> dict[int, tuple[str, Target]]:
    """Source key and target of conversions, by id."""
    found: dict[int, tuple[str, Target]] = {}
    columns = conversion.c.id, conversion.c.key, conversion.c.target_bucket, conversion.c.target_key
    for start in range(0, len(ids), conversions.CHUNK):
        chosen = conversion.c.id.in_(ids[start : start + conversions.CHUNK])
        for number, key, *target in connection.execute(sa.select(*columns).where(chosen)):
            found[number] = key, (target[0], target[1])
    return found


def _occupied(connection: Connection, ids: list[int], look: TargetLook) -> dict[int, str]:
    """Those conversions at whose target something else stands, with the sentence about it."""
    occupied: dict[int, str] = {}
    targets = _targets(connection, ids)
    for start in range(0, len(ids), conversions.CHUNK):
        turn = ids[start : start + conversions.CHUNK]
        found = look.find([targets[one][1] for one in turn])
        for one in turn:
            there = found.get(targets[one][1])
            if there is not None and there.occupant is not None:
                occupied[one] = there.occupant
    return occupied


def _failures(connection: Connection, wanted: Wanted) -> list[int]:
    statement = (
        sa.select(conversion.c.id)
        .where(*_conditions(wanted))
        .order_by(conversion.c.changed_at, conversion.c.id)
        .limit(wanted.limit)
    )
    return list(connection.scalars(statement))


def _conditions(wanted: Wanted) -> Iterable[sa.ColumnElement[bool]]:
    yield HAS_FAILED
    if not wanted.dead:
        yield ~IS_GIVEN_UP
    if wanted.code is not None:
        yield _reason == wanted.code
    if wanted.profile is not None:
        yield conversion.c.profile == wanted.profile
    if wanted.batch is not None:
        yield conversion.c.id.in_(
            sa.select(batch_conversion.c.conversion_id)
            .join(batch, batch.c.id == batch_conversion.c.batch_id)
            .where(batch.c.name == wanted.batch)
        )


def _request(connection: Connection, ids: list[int]) -> BatchRequest:
    """What the batch stands for in its report: the buckets and profiles of what is tried again."""
    profiles, buckets = set(), set()
    for start in range(0, len(ids), conversions.CHUNK):
        chosen = conversion.c.id.in_(ids[start : start + conversions.CHUNK])
        for row in connection.execute(sa.select(conversion.c.profile, conversion.c.bucket).where(chosen).distinct()):
            profiles.add(row.profile)
            buckets.add(row.bucket)
    return BatchRequest(bucket=", ".join(sorted(buckets)), profiles=tuple(sorted(profiles)))


def _nothing_found(connection: Connection, wanted: Wanted, own: int) -> str:
    """Why there is nothing to do, with what there is. The batch that has just been begun is the caller's `own`."""
    if wanted.batch is not None:
        others = sa.select(batch.c.name).where(batch.c.id != own)
        if connection.execute(others.where(batch.c.name == wanted.batch)).first() is None:
            names = connection.scalars(others.order_by(batch.c.id.desc()).limit(10)).all()
            return f"there is no batch {wanted.batch!r}; the latest are {', '.join(map(repr, names)) or 'none'}"
    left = _counted(connection, _conditions(Wanted(batch=wanted.batch, dead=wanted.dead)))
    spent = ""
    if not wanted.dead:
        spent = _counted(connection, [*_conditions(Wanted(batch=wanted.batch, dead=True)), IS_GIVEN_UP])
    reasons = left or ("none with attempts left" if spent else "none at all")
    ticked = f"; and with no attempts left (tick *Dead ones, too*): {spent}" if spent else ""
    return f"no failure is as wanted; there are: {reasons}{ticked}"


def _counted(connection: Connection, conditions: Iterable[sa.ColumnElement[bool]]) -> str:
    count = sa.func.count()
    columns = _reason, conversion.c.state, conversion.c.profile
    found = sa.select(count, *columns).where(*conditions).group_by(*columns).order_by(count.desc(), *columns).limit(10)
    return ", ".join(f"{number} {code} ({state}) of {name}" for number, code, state, name in connection.execute(found))
