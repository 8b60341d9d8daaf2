"""From what a listing saw and what the catalogue knows to the conversions a batch has to see through.

One transaction: a refusal or a dry run leaves nothing behind. Where another source owns a target, OSS is asked first,
outside of any transaction, whether that source still exists.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Connection, Row

from oss_audio_core.audio_convert import ParameterError
from oss_audio_core.catalogue import batches, conversions, planning, sources
from oss_audio_core.catalogue.conversions import move
from oss_audio_core.catalogue.database import Catalogue, exclusive, now
from oss_audio_core.catalogue.planning import Generation
from oss_audio_core.catalogue.states import ACTIVE, State, Verb
from oss_audio_core.pipeline.candidates import Candidates
from oss_audio_core.pipeline.decisions import FRESH, LEFT_ALONE, NOT_SHOWN, PAID, SHOWN, SKIPPED, Decision, Plan
from oss_audio_core.pipeline.estimating import Estimate, PriceTable
from oss_audio_core.pipeline.lossy_guard import degrades
from oss_audio_core.pipeline.plan_options import PlanOptions
from oss_audio_core.pipeline.rendition_spec import RenditionSpec, target_bucket
from oss_audio_core.pipeline.selection import Selection, SelectionError, check_target, refuse_own_targets
from oss_audio_core.pipeline.source_existence import SourceExistence
from oss_audio_core.pipeline.targets import contest, own_targets

_WITH_TARGET = FRESH.difference(SKIPPED)


def plan_batch(
    catalogue: Catalogue,
    selection: Selection,
    specs: Sequence[RenditionSpec],
    batch_id: int,
    options: PlanOptions = PlanOptions(),  # noqa: B008 - it is frozen
    *,
    bucket: Any = None,
    uid: str | None = None,
    prices: PriceTable | None = None,
) -> Plan:
    """Plan a batch from its listing. A batch that is planned already keeps its plan.

    Args:
        catalogue: that has the batch.
        selection: the batch's sources.
        specs: the renditions to make of each.
        batch_id: of the batch.
        options: how it is planned.
        bucket: an `oss2.Bucket` of the selection's bucket, for asking whether a source still exists that owns a target
            which another one wants; None: it is taken to exist.
        uid: the batch's own, where it is known: an id may be given again.
        prices: for the plan's estimate.

    Raises:
        SelectionError: it would take its own renditions for sources, or two sources share a target.
        oss2.exceptions.OssError, requests.RequestException: OSS can't say which sources exist; nothing is planned.
    """
    refuse_own_targets(selection, specs)
    existence = SourceExistence(bucket)
    job = _Job(selection, specs, batch_id, uid, options, prices, existence)
    try:
        plan, owners = _plan(catalogue, job)
        if owners:
            existence.ask(owners)
            plan, _ = _plan(catalogue, job)
    except SelectionError:
        _forget_listing(catalogue, batch_id)
        raise
    if options.dry_run:
        _forget_listing(catalogue, batch_id)
    return plan


@dataclass(frozen=True)
class _Job:
    """What one planning is about: the arguments of `plan_batch`, and what is known of other sources."""

    selection: Selection
    specs: Sequence[RenditionSpec]
    batch_id: int
    uid: str | None
    options: PlanOptions
    prices: PriceTable | None
    existence: SourceExistence


def _plan(catalogue: Catalogue, job: _Job) -> tuple[Plan, frozenset[str]]:
    """Plan in one transaction.

    Returns:
        The plan, and the owners of targets to ask OSS about first: where there are any, nothing was planned.
    """
    with catalogue.write() as connection:
        exclusive(connection, "plan")
        known = batches.get_batch(connection, job.batch_id, job.uid)
        if known.planned_at is not None:
            return Plan(batches.shards_of(connection, job.batch_id), Counter(known.decisions)), frozenset()
        if known.listed and not batches.has_listing(connection, job.batch_id):
            raise SelectionError(
                "what was listed is not kept after a dry run or a refusal: clear the task that lists as well"
            )
        planner = _Planner(connection, job)
        owners = planner.unknown_owners() if job.existence.can_ask and not job.existence.asked else frozenset()
        if not owners:
            planner.plan_all()
        if owners or job.options.dry_run:
            connection.rollback()
        else:
            planner.plan.shards = batches.shards_of(connection, job.batch_id)
        return planner.plan, owners


def _forget_listing(catalogue: Catalogue, batch_id: int) -> None:
    with catalogue.write() as connection:
        batches.begin_listing(connection, batch_id)


@dataclass
class _Choice:
    """What is decided about one candidate.

    Attributes:
        row: the candidate.
        decision: what is decided about it.
        target: bucket and key; only of a new generation that has one.
        reason: why there is no target.
        owner: key of another source that owns the target and may be gone.
    """

    row: Row[Any]
    decision: Decision
    target: tuple[str, str] | None = None
    reason: str | None = None
    owner: str | None = None


class _Planner:
    """One planning, inside its transaction."""

    def __init__(self, connection: Connection, job: _Job) -> None:
        self._connection = connection
        self._selection = job.selection
        self._specs = job.specs
        self._digests = [spec.digest() for spec in job.specs]
        self._names = frozenset(spec.name for spec in job.specs)
        self._batch_id = job.batch_id
        self._options = job.options
        self._existence = job.existence
        self._taken: set[str] = set()
        self._ordinal = 0
        self.plan = Plan(estimate=Estimate(job.prices))
        if dropped := planning.drop_renditions(connection, job.batch_id):
            self.plan.decisions[Decision.RENDITION.value] = dropped
        options = job.options
        self._candidates = Candidates(
            connection,
            job.batch_id,
            job.selection.bucket,
            job.specs,
            force=options.force,
            degrading=not options.never_degrade,
            order=options.order,
            left_before=job.selection.modified_from if options.leftovers else None,
        )

    def unknown_owners(self) -> frozenset[str]:
        """The keys of other sources that own targets which the batch wants; nothing is written."""
        owners = {
            choice.owner
            for page in self._candidates.pages()
            for choice in self._choose(page)
            if choice.owner is not None and self._within_limit(choice)
        }
        self._taken.clear()
        return frozenset(owners)

    def plan_all(self) -> None:
        """Decide on every source and spec, shard the result, close the listing."""
        for page in self._candidates.pages():
            choices = list(self._choose(page))
            for choice in choices:
                if choice.owner is not None and self._existence.is_unknown(choice.owner):
                    # Nothing is ever written over a rendition whose source may still exist.
                    choice.decision = Decision.OWNER_UNKNOWN
            self._carry_out([choice for choice in choices if self._within_limit(choice)])
        listed = planning.count_listed(self._connection, self._batch_id)
        self.plan.unchanged = listed * len(self._specs) - self._candidates.count_listed()
        self._candidates.forget()
        size = self._options.shards.size(self._ordinal, self.plan.estimate.minutes)
        planning.set_shards(self._connection, self._batch_id, size)
        batches.end_planning(self._connection, self._batch_id, self.plan.decisions)

    def _within_limit(self, choice: _Choice) -> bool:
        """Whether a choice is among those the batch takes; only sources with something to do count."""
        limit, key = self._options.limit, choice.row.key
        if limit is None or choice.decision in LEFT_ALONE or key in self._taken:
            return True
        if len(self._taken) >= limit:
            return False
        self._taken.add(key)
        return True

    def _choose(self, page: Sequence[Row[Any]]) -> Iterator[_Choice]:
        """Decide about a page of candidates; nothing is written."""
        at = now()
        # What is left behind was planned once, but perhaps under another selection.
        mine = [row for row in page if row.listed or self._selection.matches(row.key)]
        choices = [_Choice(row, self._decision(row, at)) for row in mine]
        for number, spec in enumerate(self._specs):
            fresh = [one for one in choices if one.decision in _WITH_TARGET and one.row.spec == number]
            for choice in fresh:
                try:
                    choice.target = spec.target_for(self._selection.bucket, choice.row.key)
                except ParameterError as error:
                    choice.decision, choice.reason = Decision.NO_TARGET, str(error)
            targets = {one.row.key: one.target for one in fresh if one.target is not None}
            found = contest(self._connection, self._selection, self._batch_id, spec, targets)
            for choice in fresh:
                choice.owner = found.owners.get(choice.row.key)
                if choice.row.key in found.busy:
                    choice.decision = Decision.BUSY
        yield from choices

    def _decision(self, row: Row[Any], at: datetime) -> Decision:
        if row.size == 0:
            return Decision.EMPTY
        decision = self._by_state(row, at)
        if decision not in FRESH or not self._options.never_degrade:
            return decision
        spec = self._specs[row.spec]
        return Decision.DEGRADES if degrades(spec.convert, row.codec, row.duration, row.size) else decision

    def _by_state(self, row: Row[Any], at: datetime) -> Decision:
        if row.id is None:
            return Decision.NEW
        if row.planned_etag != row.etag:
            return Decision.CHANGED
        if row.digest != self._digests[row.spec]:
            return Decision.REPARAMETRISED
        state = State(row.state)
        forced = self._options.force and row.listed
        if forced or state in {State.SUPERSEDED, State.CANCELLED, State.SKIPPED}:
            return Decision.FORCED if forced else Decision.NEW
        if state in ACTIVE:
            return Decision.JOINED
        if state is State.DEAD or row.attempt >= row.max_attempts:
            return Decision.DEAD
        backing_off = row.retry_at is not None and row.retry_at > at and not self._options.retry_now
        return Decision.BACKING_OFF if backing_off else Decision.RETRY

    def _carry_out(self, choices: Sequence[_Choice]) -> None:
        """Write down what was decided about a page."""
        conversions.retry(self._connection, [one.row.id for one in choices if one.decision is Decision.RETRY])
        move(self._connection, Verb.MARK_DEAD, [one.row.id for one in choices if one.decision is Decision.DEAD])
        wanted = [
            (one.row.position, one.row.id, one.decision.value)
            for one in choices
            if one.decision in {Decision.JOINED, Decision.RETRY}
        ]
        for number, spec in enumerate(self._specs):
            fresh = [one for one in choices if one.decision in FRESH and one.row.spec == number]
            if fresh:
                begun = self._begin(spec, self._digests[number], fresh)
                wanted += [(one.row.position, begun[one.row.key], one.decision.value) for one in fresh]
        wanted.sort()
        ordered = [(conversion_id, decision) for _, conversion_id, decision in wanted]
        planning.want(self._connection, self._batch_id, ordered, first=self._ordinal)
        self._ordinal += len(ordered)
        self._count(choices)

    def _begin(self, spec: RenditionSpec, digest: str, fresh: Sequence[_Choice]) -> dict[str, int]:
        """Begin a new generation of each; an older one that is still under way is superseded.

        Returns:
            The new conversions' ids, by source key.
        """
        connection, bucket = self._connection, self._selection.bucket
        targets = {
            one.row.key: check_target(self._selection, spec, one.row.key) for one in fresh if one.target is not None
        }
        older = [one.row.id for one in fresh if one.row.id is not None]
        planning.outdate(connection, older, message="a newer generation was planned")
        own_targets(connection, self._selection, spec, targets, self._names, self._existence)
        source_ids = sources.insert_listed(connection, [one.row for one in fresh])
        target_in = target_bucket(spec, bucket)
        keys = [one.row.key for one in fresh]
        highest = planning.highest_generations(connection, bucket, keys, profile=spec.name, target_bucket=target_in)
        generations = [
            Generation(
                source_id=source_ids[one.row.key, one.row.etag],
                bucket=one.row.bucket,
                key=one.row.key,
                profile=spec.name,
                digest=digest,
                process=spec.convert.render(),
                publish=spec.publish,
                target_bucket=target_in,
                target_key=targets[one.row.key][1] if one.row.key in targets else "",
                number=highest.get(one.row.key, 0) + 1,
                max_attempts=self._options.max_attempts,
                code=SKIPPED.get(one.decision),
                message=_why_skipped(one),
            )
            for one in fresh
        ]
        return planning.begin(connection, generations)

    def _count(self, choices: Sequence[_Choice]) -> None:
        """Add a page to the plan's counts, estimate and examples."""
        for one in choices:
            row, spec = one.row, self._specs[one.row.spec]
            self.plan.decisions[one.decision.value] += 1
            if one.decision in PAID:
                self.plan.estimate.add(spec.convert, row.key, row.size, row.duration)
            if len(self.plan.examples) < SHOWN and one.decision not in NOT_SHOWN:
                target = "oss://" + "/".join(spec.target_for(row.bucket, row.key))
                self.plan.examples.append((one.decision.value, row.key, spec.name, target))


def _why_skipped(choice: _Choice) -> str | None:
    row = choice.row
    if choice.decision is Decision.EMPTY:
        return "the source object has no bytes"
    if choice.decision is Decision.DEGRADES:
        bitrate = round(row.size * 8 / row.duration)
        return f"the source is {row.codec} of about {bitrate} bit/s, fewer than the rendition would have"
    return choice.reason
