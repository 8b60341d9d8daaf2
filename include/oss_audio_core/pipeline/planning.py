"""From what a listing saw and what the catalogue knows to the conversions a batch has to see through.

One transaction: a refusal or a dry run leaves nothing behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from oss_audio_core.audio_convert import ParameterError
from oss_audio_core.catalogue import batches, conversions, sources
from oss_audio_core.catalogue.conversions import move
from oss_audio_core.catalogue.database import Catalogue, exclusive, now
from oss_audio_core.catalogue.schema import batch_conversion, conversion, listing, rendition
from oss_audio_core.catalogue.states import ACTIVE, State, Verb
from oss_audio_core.pipeline.candidates import Candidates, Order
from oss_audio_core.pipeline.decisions import FRESH, LEFT_ALONE, NOT_SHOWN, PAID, SHOWN, SKIPPED, Decision, Plan
from oss_audio_core.pipeline.estimating import Estimate, PriceTable
from oss_audio_core.pipeline.lossy_guard import degrades
from oss_audio_core.pipeline.rendition_spec import RenditionSpec, target_bucket
from oss_audio_core.pipeline.selection import Selection, SelectionError, check_target, refuse_own_targets
from oss_audio_core.pipeline.sharding import cut_shards
from oss_audio_core.pipeline.source_existence import SourceExistence
from oss_audio_core.pipeline.targets import TargetsBusy, own_targets

_Wanted = tuple[int, int, Decision]
"""A conversion that the batch wants: its candidate's position, its id, and why."""


class _DryRun(Exception):
    """Not an error: it rolls the planning's transaction back."""


class _Unknown(Exception):
    """Not an error either: what was planned depends on objects that OSS has to be asked about first."""


def plan_batch(
    catalogue: Catalogue,
    selection: Selection,
    specs: Sequence[RenditionSpec],
    batch_id: int,
    *,
    bucket: Any = None,
    uid: str | None = None,
    leftovers: bool = False,
    force: bool = False,
    limit: int | None = None,
    max_attempts: int = 3,
    retry_now: bool = False,
    order: Order = Order.PROFILE,
    never_degrade: bool = False,
    prices: PriceTable | None = None,
    dry_run: bool = False,
) -> Plan:
    """Plan a batch from its listing. A batch that is planned already keeps its plan.

    Args:
        bucket: an `oss2.Bucket` of the selection's bucket, for asking whether a source that owns a target which another
            one wants is still there; None: it is taken to be.
        uid: the batch's own, where it is known: an id may be given again.
        leftovers: where the selection takes only what was written lately, also see to older sources of it that earlier
            batches planned and left: failed with attempts left, or under way with nobody to see them through.
        force: make every listed source's renditions anew.
        limit: take at most so many sources that have something to do, the first in the order.
        max_attempts: after so many failures a conversion is dead.
        retry_now: plan failed conversions again without letting them rest.
        order: what is submitted first.
        never_degrade: skip what would spend more bits than its lossy source has; see `degrading`.
        prices: for the plan's estimate.
        dry_run: decide everything, keep nothing.

    Raises:
        SelectionError: it would take its own renditions for sources, or two sources share a target.
        oss2.exceptions.OssError, requests.RequestException: OSS can't say which sources are there; nothing is planned.
    """
    refuse_own_targets(selection, specs)
    whereabouts = SourceExistence(bucket)
    busy: set[tuple[str, str]] = set()
    while True:
        planner = _Planner(
            selection,
            specs,
            batch_id,
            leftovers=leftovers,
            force=force,
            limit=limit,
            max_attempts=max_attempts,
            retry_now=retry_now,
            order=order,
            never_degrade=never_degrade,
            whereabouts=whereabouts,
            busy=busy,
            plan=Plan(estimate=Estimate(prices)),
        )
        try:
            return _plan(catalogue, planner, batch_id, uid, dry_run=dry_run)
        except _Unknown:
            whereabouts.find_out()
        except TargetsBusy as found:
            busy.update(found.which)
        except _DryRun:
            _forget_listing(catalogue, batch_id)
            return planner.plan
        except SelectionError:
            _forget_listing(catalogue, batch_id)
            raise


def _plan(catalogue: Catalogue, planner: _Planner, batch_id: int, uid: str | None, *, dry_run: bool) -> Plan:
    with catalogue.write() as connection:
        exclusive(connection, "plan")
        known = batches.get_batch(connection, batch_id, uid)
        if known.planned_at is not None:
            return Plan(batches.shards_of(connection, batch_id), Counter(known.decisions))
        if known.listed and not batches.has_listing(connection, batch_id):
            raise SelectionError(
                "what was listed is not kept after a dry run or a refusal: clear the task that lists as well"
            )
        planner.run(connection)
        if dry_run:
            raise _DryRun
        planner.plan.shards = batches.shards_of(connection, batch_id)
        return planner.plan


def _forget_listing(catalogue: Catalogue, batch_id: int) -> None:
    with catalogue.write() as connection:
        batches.begin_listing(connection, batch_id)


class _Planner:
    """One planning, inside its transaction."""

    def __init__(
        self,
        selection: Selection,
        specs: Sequence[RenditionSpec],
        batch_id: int,
        *,
        leftovers: bool,
        force: bool,
        limit: int | None,
        max_attempts: int,
        retry_now: bool,
        order: Order,
        never_degrade: bool,
        whereabouts: SourceExistence,
        busy: Set[tuple[str, str]],
        plan: Plan,
    ) -> None:
        self._selection = selection
        self._specs = specs
        self._digests = [spec.digest() for spec in specs]
        self._wanted = frozenset(spec.name for spec in specs)
        self._batch_id = batch_id
        self._left_before = selection.modified_from if leftovers else None
        self._force = force
        self._limit = limit
        self._max_attempts = max_attempts
        self._retry_now = retry_now
        self._order = order
        self._never_degrade = never_degrade
        self._whereabouts = whereabouts
        self._busy = busy
        self._taken: set[str] = set()
        self._impossible: dict[str, str] = {}
        self._ordinal = 0
        self.plan = plan

    def run(self, connection: Connection) -> None:
        """Decide on every source and spec, shard the result, close the listing."""
        listed = self._drop_known_renditions(connection)
        candidates = Candidates(
            connection,
            self._batch_id,
            self._selection.bucket,
            self._specs,
            force=self._force,
            degrading=not self._never_degrade,
            order=self._order,
            left_before=self._left_before,
        )
        for page in candidates.pages():
            self._decide(connection, page)
        if self._whereabouts.unknown:
            raise _Unknown
        self.plan.unchanged = listed * len(self._specs) - candidates.count_listed()
        candidates.forget()
        cut_shards(connection, self._batch_id, self._ordinal)
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

    def _within_limit(self, key: str) -> bool:
        if self._limit is None or key in self._taken:
            return True
        if len(self._taken) >= self._limit:
            return False
        self._taken.add(key)
        return True

    def _decide(self, connection: Connection, page: Sequence[Row[Any]]) -> None:
        at = now()
        # What is left behind was planned once, but perhaps under another selection.
        mine = [row for row in page if row.listed or self._selection.matches(row.key)]
        decided = [(row, self._decision(row, at)) for row in mine]
        # Only sources with something to do count against the limit.
        decided = [(row, d) for row, d in decided if d in LEFT_ALONE or self._within_limit(row.key)]
        wanted: list[_Wanted] = [
            (row.position, row.id, d) for row, d in decided if d in {Decision.JOINED, Decision.RETRY}
        ]
        conversions.retry(connection, [row.id for row, d in decided if d is Decision.RETRY])
        move(connection, Verb.MARK_DEAD, [row.id for row, decision in decided if decision is Decision.DEAD])
        shown = [(row, d) for row, d in decided if d not in FRESH]
        for number, spec in enumerate(self._specs):
            fresh, targets = self._with_targets(
                spec, [(row, d) for row, d in decided if d in FRESH and row.spec == number]
            )
            wanted += self._begin(connection, number, fresh, targets)
            shown += fresh
        self._join(connection, sorted(wanted))
        self._show(sorted(shown, key=lambda one: one[0].position))

    def _show(self, decided: Sequence[tuple[Row[Any], Decision]]) -> None:
        for row, decision in decided:
            self.plan.decisions[decision.value] += 1
            if decision in PAID:
                self.plan.estimate.add(self._specs[row.spec].convert, row.key, row.size, row.duration)
            if len(self.plan.examples) < SHOWN and decision not in NOT_SHOWN:
                spec = self._specs[row.spec]
                target = "oss://" + "/".join(spec.target_for(row.bucket, row.key))
                self.plan.examples.append((decision.value, row.key, spec.name, target))

    def _with_targets(
        self, spec: RenditionSpec, fresh: Sequence[tuple[Row[Any], Decision]]
    ) -> tuple[list[tuple[Row[Any], Decision]], dict[str, tuple[str, str]]]:
        """The target of each new generation; a key that makes an impossible one is skipped, its neighbours go on."""
        targets: dict[str, tuple[str, str]] = {}
        seen = []
        for row, decision in fresh:
            if decision not in SKIPPED:
                try:
                    targets[row.key] = check_target(self._selection, spec, row.key)
                except ParameterError as error:
                    decision = Decision.NO_TARGET
                    self._impossible[row.key] = str(error)
            seen.append((row, decision))
        return seen, targets

    def _decision(self, row: Row[Any], at: datetime) -> Decision:
        if row.size == 0:
            return Decision.EMPTY
        decision, spec = self._by_state(row, at), self._specs[row.spec]
        if decision not in FRESH:
            return decision
        if (spec.name, row.key) in self._busy:
            return Decision.BUSY
        if self._never_degrade and degrades(spec.convert, row.codec, row.duration, row.size):
            return Decision.DEGRADES
        return decision

    def _by_state(self, row: Row[Any], at: datetime) -> Decision:
        if row.id is None:
            return Decision.NEW
        if row.planned_etag != row.etag:
            return Decision.CHANGED
        if row.digest != self._digests[row.spec]:
            return Decision.REPARAMETRISED
        state = State(row.state)
        forced = self._force and row.listed
        if forced or state in {State.SUPERSEDED, State.CANCELLED, State.SKIPPED}:
            return Decision.FORCED if forced else Decision.NEW
        if state in ACTIVE:
            return Decision.JOINED
        if state is State.DEAD or row.attempt >= row.max_attempts:
            return Decision.DEAD
        resting = row.retry_at is not None and row.retry_at > at and not self._retry_now
        return Decision.BACKING_OFF if resting else Decision.RETRY

    def _begin(
        self,
        connection: Connection,
        number: int,
        fresh: Sequence[tuple[Row[Any], Decision]],
        targets: dict[str, tuple[str, str]],
    ) -> list[_Wanted]:
        """Begin a new generation of each; the older one, if still under way, is superseded.

        Returns:
            The new conversions.
        """
        if not fresh:
            return []
        spec = self._specs[number]
        older = [row.id for row, _ in fresh if row.id is not None]
        # All that is written below, in the order of everybody who writes many: no two of them block each other.
        locked = sa.select(conversion.c.id, conversion.c.state).where(conversion.c.id.in_(older))
        standing = connection.execute(locked.order_by(conversion.c.id).with_for_update()).all()
        # Published ones stand until their successor is published: readers are never left without a rendition. Verified
        # ones may be on their way to the final key this moment: what stands there must be what the catalogue says.
        under_way = ACTIVE - {State.VERIFIED}
        running = [row.id for row in standing if row.state in under_way]
        move(connection, Verb.SUPERSEDE, running, message="a newer generation was planned")
        connection.execute(sa.update(conversion).where(conversion.c.id.in_(older)).values(newest=False))
        own_targets(connection, self._selection, self._batch_id, spec, targets, self._wanted, self._whereabouts)
        ids_of = sources.insert_listed(connection, [row for row, _ in fresh])
        generations = self._generations(connection, spec, [row.key for row, _ in fresh])
        at = now()
        begun = connection.execute(
            sa.insert(conversion).returning(conversion.c.id, conversion.c.key),
            [
                {
                    "source_id": ids_of[row.key, row.etag],
                    "bucket": row.bucket,
                    "key": row.key,
                    "profile": spec.name,
                    "digest": self._digests[number],
                    "process": spec.convert.render(),
                    "target_bucket": target_bucket(spec, self._selection.bucket),
                    "target_key": targets[row.key][1] if row.key in targets else "",
                    "publish": spec.publish,
                    "generation": generations.get(row.key, 0) + 1,
                    "newest": True,
                    "state": (State.SKIPPED if decision in SKIPPED else State.PLANNED).value,
                    "attempt": 1,
                    "max_attempts": self._max_attempts,
                    "code": SKIPPED.get(decision),
                    "message": self._why_skipped(row, decision),
                    "created_at": at,
                    "changed_at": at,
                }
                for row, decision in fresh
            ],
        ).all()
        ids = {row.key: row.id for row in begun}
        return [(row.position, ids[row.key], decision) for row, decision in fresh]

    def _generations(self, connection: Connection, spec: RenditionSpec, keys: Sequence[str]) -> dict[str, int]:
        """The highest generation there ever was of each source's rendition; the newest may have been given up."""
        found = connection.execute(
            sa.select(conversion.c.key, sa.func.max(conversion.c.generation).label("generation"))
            .where(
                conversion.c.bucket == self._selection.bucket,
                conversion.c.key.in_(keys),
                conversion.c.profile == spec.name,
                conversion.c.target_bucket == target_bucket(spec, self._selection.bucket),
            )
            .group_by(conversion.c.key)
        )
        return {row.key: row.generation for row in found}

    def _why_skipped(self, row: Row[Any], decision: Decision) -> str | None:
        if decision is Decision.EMPTY:
            return "the source object has no bytes"
        if decision is Decision.DEGRADES:
            bitrate = round(row.size * 8 / row.duration)
            return f"the source is {row.codec} of about {bitrate} bit/s, fewer than the rendition would have"
        return self._impossible[row.key] if decision is Decision.NO_TARGET else None

    def _join(self, connection: Connection, wanted: Sequence[_Wanted]) -> None:
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
                for offset, (_, conversion_id, decision) in enumerate(wanted)
            ],
        )
        self._ordinal += len(wanted)
