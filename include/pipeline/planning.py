"""From what a listing saw and what the catalogue knows to the conversions a batch has to see through.

One transaction: a refusal or a dry run leaves nothing behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from include.catalogue import batches, conversions
from include.catalogue.conversions import CHUNK, move
from include.catalogue.database import Catalogue, exclusive, now
from include.catalogue.schema import batch_conversion, conversion, listing, rendition, source
from include.catalogue.states import ACTIVE, State, Verb

from .renderings import Rendering
from .selection import Selection, SelectionError, check_target, refuse_own_targets

#: A run maps over at most this many shards, whatever the number of files.
MAX_SHARDS = 64
#: Below this a shard isn't worth a task instance of its own.
MIN_SHARD = 1000
#: How many planned conversions the plan shows by name.
SHOWN = 20


class Decision(StrEnum):
    """Why a batch wants a conversion, or why it leaves one alone."""

    NEW = "new"
    CHANGED = "source changed"
    REPARAMETRISED = "profile changed"
    FORCED = "forced"
    RETRY = "retry"
    JOINED = "joined"
    EMPTY = "empty source"
    RESTING = "failed, resting"
    DEAD = "failed for good"


#: Decisions that leave a conversion out of the batch.
LEFT_ALONE = frozenset({Decision.RESTING, Decision.DEAD})


@dataclass
class Plan:
    """What planning decided.

    Attributes:
        shards: numbers of the batch's shards; empty when there is nothing to do, or for a dry run.
        decisions: how many conversions were decided how.
        unchanged: conversions that are done and still right.
        examples: the first decisions, as (decision, source key, profile, target).
    """

    shards: list[int] = field(default_factory=list)
    decisions: Counter[str] = field(default_factory=Counter)
    unchanged: int = 0
    examples: list[tuple[str, str, str, str]] = field(default_factory=list)

    @property
    def wanted(self) -> int:
        """Conversions the batch has to see through."""
        return sum(count for decision, count in self.decisions.items() if Decision(decision) not in LEFT_ALONE)


class _DryRun(Exception):
    """Not an error: it rolls the planning's transaction back."""


def plan_batch(
    catalogue: Catalogue,
    selection: Selection,
    renderings: Sequence[Rendering],
    batch_id: int,
    *,
    force: bool = False,
    limit: int | None = None,
    max_attempts: int = 3,
    retry_now: bool = False,
    dry_run: bool = False,
) -> Plan:
    """Plan a batch from its listing. A batch that is planned already keeps its plan.

    Args:
        force: make every listed source's renditions anew.
        limit: take at most so many sources that have something to do, in the order of their keys.
        max_attempts: after so many failures a conversion is dead.
        retry_now: plan failed conversions again without letting them rest.
        dry_run: decide everything, keep nothing.

    Raises:
        SelectionError: it would take its own renditions for sources, or two sources share a target.
    """
    refuse_own_targets(selection, renderings)
    planner = _Planner(selection, batch_id, force=force, limit=limit, max_attempts=max_attempts, retry_now=retry_now)
    try:
        with catalogue.write() as connection:
            exclusive(connection, "plan")
            known = batches.get_batch(connection, batch_id)
            if known.planned_at is not None:
                return Plan(batches.shards_of(connection, batch_id), Counter(known.decisions))
            planner.run(connection, renderings)
            if dry_run:
                raise _DryRun
            planner.plan.shards = batches.shards_of(connection, batch_id)
    except _DryRun:
        pass
    return planner.plan


class _Planner:
    """One planning, inside its transaction."""

    def __init__(
        self,
        selection: Selection,
        batch_id: int,
        *,
        force: bool,
        limit: int | None,
        max_attempts: int,
        retry_now: bool,
    ) -> None:
        self._selection = selection
        self._batch_id = batch_id
        self._force = force
        self._limit = limit
        self._max_attempts = max_attempts
        self._retry_now = retry_now
        self._taken: set[str] = set()
        self._ordinal = 0
        self.plan = Plan()

    def run(self, connection: Connection, renderings: Sequence[Rendering]) -> None:
        """Decide on every source and rendering, shard the result, close the listing."""
        listed = self._drop_known_renditions(connection)
        undone = 0
        for rendering in renderings:
            for page in self._candidates(connection, rendering):
                undone += len(page)
                self._decide(connection, rendering, [row for row in page if self._within_limit(row.key)])
        self.plan.unchanged = listed * len(renderings) - undone
        mine = batch_conversion.c.batch_id == self._batch_id
        size = max(MIN_SHARD, -(-self._ordinal // MAX_SHARDS))
        connection.execute(
            sa.update(batch_conversion).where(mine).values(shard=batch_conversion.c.ordinal // sa.literal(size))
        )
        batches.end_planning(connection, self._batch_id, self.plan.decisions)

    def _drop_known_renditions(self, connection: Connection) -> int:
        """A rendition is never a source, whatever the selection says. Returns how many sources are left."""
        mine = listing.c.batch_id == self._batch_id
        ours = sa.exists().where(rendition.c.bucket == listing.c.bucket, rendition.c.key == listing.c.key)
        connection.execute(sa.delete(listing).where(mine, ours))
        return connection.execute(sa.select(sa.func.count()).select_from(listing).where(mine)).scalar_one()

    def _candidates(self, connection: Connection, rendering: Rendering) -> Iterator[Sequence[Row[Any]]]:
        """Listed sources whose newest conversion to this rendition is missing, undone or outdated."""
        done = [State.PUBLISHED.value, State.SKIPPED.value]
        statement = (
            sa.select(
                listing,
                conversion.c.id,
                conversion.c.state,
                conversion.c.digest,
                conversion.c.generation,
                conversion.c.attempt,
                conversion.c.max_attempts,
                conversion.c.retry_at,
                source.c.etag.label("planned_etag"),
            )
            .select_from(listing)
            .outerjoin(
                conversion,
                sa.and_(
                    conversion.c.bucket == listing.c.bucket,
                    conversion.c.key == listing.c.key,
                    conversion.c.profile == rendering.name,
                    conversion.c.newest,
                ),
            )
            .outerjoin(source, source.c.id == conversion.c.source_id)
            .where(listing.c.batch_id == self._batch_id)
            .order_by(listing.c.key)
            .limit(CHUNK)
        )
        if not self._force:
            statement = statement.where(
                sa.or_(
                    conversion.c.id.is_(None),
                    source.c.etag != listing.c.etag,
                    conversion.c.digest != rendering.digest(),
                    conversion.c.state.not_in(done),
                )
            )
        after = ""
        while page := connection.execute(statement.where(listing.c.key > after)).all():
            yield page
            after = page[-1].key

    def _within_limit(self, key: str) -> bool:
        if self._limit is None or key in self._taken:
            return True
        if len(self._taken) >= self._limit:
            return False
        self._taken.add(key)
        return True

    def _decide(self, connection: Connection, rendering: Rendering, rows: Sequence[Row[Any]]) -> None:
        digest, at = rendering.digest(), now()
        decided = [(row, self._decision(row, digest, at)) for row in rows]
        fresh = [(row, decision) for row, decision in decided if decision in _FRESH]
        wanted: dict[int, Decision] = {row.id: d for row, d in decided if d is Decision.JOINED}
        again = [row.id for row, decision in decided if decision is Decision.RETRY]
        conversions.retry(connection, again)
        wanted |= dict.fromkeys(again, Decision.RETRY)
        buried = [row.id for row, decision in decided if decision is Decision.DEAD]
        move(connection, Verb.BURY, buried)
        wanted |= self._begin(connection, rendering, fresh)
        self._join(connection, wanted)
        for row, decision in decided:
            self.plan.decisions[decision.value] += 1
            if len(self.plan.examples) < SHOWN and decision not in LEFT_ALONE:
                target = "oss://" + "/".join(rendering.target_for(row.bucket, row.key))
                self.plan.examples.append((decision.value, row.key, rendering.name, target))

    def _decision(self, row: Row[Any], digest: str, at: datetime) -> Decision:
        if row.size == 0:
            return Decision.EMPTY
        if row.id is None:
            return Decision.NEW
        if row.planned_etag != row.etag:
            return Decision.CHANGED
        if row.digest != digest:
            return Decision.REPARAMETRISED
        state = State(row.state)
        if self._force or state in {State.SUPERSEDED, State.CANCELLED}:
            return Decision.FORCED if self._force else Decision.NEW
        if state in ACTIVE:
            return Decision.JOINED
        if state is State.DEAD or row.attempt >= row.max_attempts:
            return Decision.DEAD
        resting = row.retry_at is not None and row.retry_at > at and not self._retry_now
        return Decision.RESTING if resting else Decision.RETRY

    def _begin(
        self, connection: Connection, rendering: Rendering, fresh: Sequence[tuple[Row[Any], Decision]]
    ) -> dict[int, Decision]:
        """Begin a new generation of each; the older one, if still under way, is superseded."""
        if not fresh:
            return {}
        targets = self._targets(connection, rendering, [row for row, _ in fresh])
        older = [row.id for row, _ in fresh if row.id is not None]
        # Published ones stand until their successor is published: readers are never left without a rendition.
        running = sa.and_(conversion.c.id.in_(older), conversion.c.state.in_([state.value for state in ACTIVE]))
        move(
            connection,
            Verb.SUPERSEDE,
            list(connection.scalars(sa.select(conversion.c.id).where(running))),
            message="a newer generation was planned",
        )
        connection.execute(sa.update(conversion).where(conversion.c.id.in_(older)).values(newest=False))
        sources = _sources(connection, [row for row, _ in fresh])
        at = now()
        begun = connection.execute(
            sa.insert(conversion).returning(conversion.c.id, conversion.c.key),
            [
                {
                    "source_id": sources[row.key, row.etag],
                    "bucket": row.bucket,
                    "key": row.key,
                    "profile": rendering.name,
                    "digest": rendering.digest(),
                    "process": rendering.convert.render(),
                    "target_bucket": targets[row.key][0],
                    "target_key": targets[row.key][1],
                    "publish": rendering.publish,
                    "generation": (row.generation or 0) + 1,
                    "newest": True,
                    "state": (State.SKIPPED if decision is Decision.EMPTY else State.PLANNED).value,
                    "attempt": 1,
                    "max_attempts": self._max_attempts,
                    "code": "EmptySource" if decision is Decision.EMPTY else None,
                    "message": "the source object has no bytes" if decision is Decision.EMPTY else None,
                    "created_at": at,
                    "changed_at": at,
                }
                for row, decision in fresh
            ],
        ).all()
        decisions = {row.key: decision for row, decision in fresh}
        return {row.id: decisions[row.key] for row in begun}

    def _targets(
        self, connection: Connection, rendering: Rendering, rows: Sequence[Row[Any]]
    ) -> dict[str, tuple[str, str]]:
        """The target of every source, each with one owner.

        Raises:
            SelectionError: naming both sources and the target they share.
        """
        targets = {row.key: check_target(self._selection, rendering, row.key) for row in rows}
        owners: dict[tuple[str, str], str] = {}
        for key, target in targets.items():
            if target in owners:
                raise _shared_target(rendering, target, owners[target], key)
            owners[target] = key
        others = connection.execute(
            sa.select(
                conversion.c.target_bucket,
                conversion.c.target_key,
                conversion.c.bucket,
                conversion.c.key,
                conversion.c.profile,
            ).where(conversion.c.newest, conversion.c.target_key.in_([target for _, target in owners]))
        )
        for other in others:
            key = owners.get((other.target_bucket, other.target_key))
            if key is None:
                continue
            if (other.bucket, other.key) != (self._selection.bucket, key):
                raise _shared_target(rendering, (other.target_bucket, other.target_key), other.key, key)
            if other.profile != rendering.name:
                raise SelectionError(
                    f"profiles {other.profile} and {rendering.name} both turn {key!r} into "
                    f"'oss://{other.target_bucket}/{other.target_key}': give one of them another target"
                )
        return targets

    def _join(self, connection: Connection, wanted: dict[int, Decision]) -> None:
        if not wanted:
            return
        connection.execute(
            sa.insert(batch_conversion),
            [
                {
                    "batch_id": self._batch_id,
                    "conversion_id": conversion_id,
                    "ordinal": self._ordinal + offset,
                    "shard": 0,
                    "decision": decision.value,
                }
                for offset, (conversion_id, decision) in enumerate(wanted.items())
            ],
        )
        self._ordinal += len(wanted)


#: Decisions that begin a new generation.
_FRESH = frozenset({Decision.NEW, Decision.CHANGED, Decision.REPARAMETRISED, Decision.FORCED, Decision.EMPTY})


def _sources(connection: Connection, rows: Sequence[Row[Any]]) -> dict[tuple[str, str], int]:
    """The source rows of listed objects, made where they are missing."""
    at = now()
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(
        insert(source).on_conflict_do_nothing(),
        [
            {
                "bucket": row.bucket,
                "key": row.key,
                "etag": row.etag,
                "size": row.size,
                "last_modified": row.last_modified,
                "first_listed_at": at,
            }
            for row in rows
        ],
    )
    found = connection.execute(
        sa.select(source.c.id, source.c.key, source.c.etag).where(
            source.c.bucket == rows[0].bucket, source.c.key.in_([row.key for row in rows])
        )
    )
    return {(row.key, row.etag): row.id for row in found}


def _shared_target(rendering: Rendering, target: tuple[str, str], one: str, other: str) -> SelectionError:
    return SelectionError(
        f"sources {one!r} and {other!r} would both become 'oss://{target[0]}/{target[1]}' by profile "
        f"{rendering.name}: give them different targets ({{basename}} or {{ext}} in a profile's target key), or "
        "exclude one of them"
    )
