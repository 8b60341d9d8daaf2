"""From what a listing saw and what the catalogue knows to the conversions a batch has to see through.

One transaction: a refusal or a dry run leaves nothing behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from include.audio_convert import ParameterError
from include.catalogue import batches, conversions
from include.catalogue.conversions import CHUNK, move
from include.catalogue.database import Catalogue, exclusive, now
from include.catalogue.schema import batch_conversion, conversion, listing, rendition, source
from include.catalogue.states import ACTIVE, State, Verb

from .decisions import FRESH, LEFT_ALONE, NOT_SHOWN, SHOWN, SKIPPED, Decision, Plan
from .renderings import Rendering
from .selection import Selection, SelectionError, check_target, refuse_own_targets
from .targets import own_targets

#: A run maps over at most this many shards, whatever the number of files.
MAX_SHARDS = 64
#: Below this a shard isn't worth a task instance of its own.
MIN_SHARD = 1000


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
            if known.listed and not batches.has_listing(connection, batch_id):
                raise SelectionError(
                    "what was listed is not kept after a dry run or a refusal: clear the task that lists as well"
                )
            planner.run(connection, renderings)
            if dry_run:
                raise _DryRun
            planner.plan.shards = batches.shards_of(connection, batch_id)
    except _DryRun:
        _forget_listing(catalogue, batch_id)
    except SelectionError:
        _forget_listing(catalogue, batch_id)
        raise
    return planner.plan


def _forget_listing(catalogue: Catalogue, batch_id: int) -> None:
    with catalogue.write() as connection:
        batches.begin_listing(connection, batch_id)


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
        self._wanted: frozenset[str] = frozenset()
        self._impossible: dict[str, str] = {}
        self._ordinal = 0
        self.plan = Plan()

    def run(self, connection: Connection, renderings: Sequence[Rendering]) -> None:
        """Decide on every source and rendering, shard the result, close the listing."""
        self._wanted = frozenset(rendering.name for rendering in renderings)
        listed = self._drop_known_renditions(connection)
        undone = 0
        for rendering in renderings:
            for page in self._candidates(connection, rendering):
                undone += len(page)
                self._decide(connection, rendering, page)
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
        published = sa.exists().where(rendition.c.bucket == listing.c.bucket, rendition.c.key == listing.c.key)
        # What was written in place is never entered by who only waits for it; and what a profile that moved its target
        # left behind is a rendition all the same.
        made = sa.exists().where(
            conversion.c.target_bucket == listing.c.bucket,
            conversion.c.target_key == listing.c.key,
            sa.or_(
                conversion.c.publish == "direct",
                conversion.c.state.in_([State.PUBLISHED.value, State.SUPERSEDED.value]),
            ),
        )
        dropped = connection.execute(sa.delete(listing).where(mine, sa.or_(published, made))).rowcount
        if dropped:
            self.plan.decisions[Decision.RENDITION.value] = dropped
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
                    conversion.c.target_bucket == self._target_bucket(rendering),
                    conversion.c.newest,
                ),
            )
            .outerjoin(source, source.c.id == conversion.c.source_id)
            .where(listing.c.batch_id == self._batch_id, listing.c.bucket == self._selection.bucket)
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
        # Only sources with something to do count against the limit.
        decided = [(row, d) for row, d in decided if d in LEFT_ALONE or self._within_limit(row.key)]
        fresh = [(row, decision) for row, decision in decided if decision in FRESH]
        wanted: dict[int, Decision] = {row.id: d for row, d in decided if d is Decision.JOINED}
        again = [row.id for row, decision in decided if decision is Decision.RETRY]
        conversions.retry(connection, again)
        wanted |= dict.fromkeys(again, Decision.RETRY)
        buried = [row.id for row, decision in decided if decision is Decision.DEAD]
        move(connection, Verb.BURY, buried)
        fresh, targets = self._with_targets(rendering, fresh)
        decided = [(row, d) for row, d in decided if d not in FRESH] + fresh
        wanted |= self._begin(connection, rendering, fresh, targets)
        self._join(connection, wanted)
        for row, decision in decided:
            self.plan.decisions[decision.value] += 1
            if len(self.plan.examples) < SHOWN and decision not in NOT_SHOWN:
                target = "oss://" + "/".join(rendering.target_for(row.bucket, row.key))
                self.plan.examples.append((decision.value, row.key, rendering.name, target))

    def _with_targets(
        self, rendering: Rendering, fresh: Sequence[tuple[Row[Any], Decision]]
    ) -> tuple[list[tuple[Row[Any], Decision]], dict[str, tuple[str, str]]]:
        """The target of each new generation; a key that makes an impossible one is skipped, its neighbours go on."""
        targets: dict[str, tuple[str, str]] = {}
        seen = []
        for row, decision in fresh:
            if decision is not Decision.EMPTY:
                try:
                    targets[row.key] = check_target(self._selection, rendering, row.key)
                except ParameterError as error:
                    decision = Decision.NO_TARGET
                    self._impossible[row.key] = str(error)
            seen.append((row, decision))
        return seen, targets

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
        self,
        connection: Connection,
        rendering: Rendering,
        fresh: Sequence[tuple[Row[Any], Decision]],
        targets: dict[str, tuple[str, str]],
    ) -> dict[int, Decision]:
        """Begin a new generation of each; the older one, if still under way, is superseded."""
        if not fresh:
            return {}
        older = [row.id for row, _ in fresh if row.id is not None]
        # Published ones stand until their successor is published: readers are never left without a rendition. Verified
        # ones may be on their way to the final key this moment: what stands there must be what the catalogue says.
        under_way = [state.value for state in ACTIVE - {State.VERIFIED}]
        running = sa.and_(conversion.c.id.in_(older), conversion.c.state.in_(under_way))
        move(
            connection,
            Verb.SUPERSEDE,
            connection.scalars(sa.select(conversion.c.id).where(running).with_for_update()).all(),
            message="a newer generation was planned",
        )
        connection.execute(sa.update(conversion).where(conversion.c.id.in_(older)).values(newest=False))
        own_targets(connection, self._selection, self._batch_id, rendering, targets, self._wanted)
        sources = _sources(connection, [row for row, _ in fresh])
        generations = self._generations(connection, rendering, [row.key for row, _ in fresh])
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
                    "target_bucket": self._target_bucket(rendering),
                    "target_key": targets[row.key][1] if row.key in targets else "",
                    "publish": rendering.publish,
                    "generation": generations.get(row.key, 0) + 1,
                    "newest": True,
                    "state": (State.SKIPPED if decision in SKIPPED else State.PLANNED).value,
                    "attempt": 1,
                    "max_attempts": self._max_attempts,
                    "code": SKIPPED.get(decision),
                    "message": self._why_skipped(row.key, decision),
                    "created_at": at,
                    "changed_at": at,
                }
                for row, decision in fresh
            ],
        ).all()
        decisions = {row.key: decision for row, decision in fresh}
        return {row.id: decisions[row.key] for row in begun}

    def _target_bucket(self, rendering: Rendering) -> str:
        """One for all sources: a template of a bucket knows the source's bucket, not its key."""
        return rendering.target_for(self._selection.bucket, "x/x.wav")[0]

    def _generations(self, connection: Connection, rendering: Rendering, keys: Sequence[str]) -> dict[str, int]:
        """The highest generation there ever was of each source's rendition; the newest may have been given up."""
        found = connection.execute(
            sa.select(conversion.c.key, sa.func.max(conversion.c.generation).label("generation"))
            .where(
                conversion.c.bucket == self._selection.bucket,
                conversion.c.key.in_(keys),
                conversion.c.profile == rendering.name,
                conversion.c.target_bucket == self._target_bucket(rendering),
            )
            .group_by(conversion.c.key)
        )
        return {row.key: row.generation for row in found}

    def _why_skipped(self, key: str, decision: Decision) -> str | None:
        if decision is Decision.EMPTY:
            return "the source object has no bytes"
        return self._impossible[key] if decision is Decision.NO_TARGET else None

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
