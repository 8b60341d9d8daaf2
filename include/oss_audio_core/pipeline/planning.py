"""From what a listing saw and what the catalogue knows to the conversions a batch has to see through.

One transaction: a refusal or a dry run leaves nothing behind. A first one, which is rolled back, collects the targets
that the batch wants. OSS is then asked, outside of any transaction, what stands there, and whether other sources that
own them still exist.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
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
from oss_audio_core.oss import OssSettings
from oss_audio_core.pipeline.candidates import Candidates
from oss_audio_core.pipeline.decisions import (
    FRESH,
    LEFT_ALONE,
    NOT_SHOWN,
    PAID,
    REFUSED,
    SHOWN,
    SKIPPED,
    Decision,
    Plan,
)
from oss_audio_core.pipeline.estimating import Estimate, PriceTable
from oss_audio_core.pipeline.lossy_guard import degrades, source_bitrate
from oss_audio_core.pipeline.plan_options import PlanOptions
from oss_audio_core.pipeline.rendition_spec import RenditionSpec, target_bucket
from oss_audio_core.pipeline.selection import Selection, SelectionError, refuse_own_targets
from oss_audio_core.pipeline.source_existence import SourceExistence
from oss_audio_core.pipeline.target_look import Target, TargetLook
from oss_audio_core.pipeline.targets import TargetRules

_WITH_TARGET = FRESH.union({Decision.RETRY}).difference(SKIPPED)
"""Decisions that lead to an object at the target."""


def plan_batch(
    catalogue: Catalogue,
    selection: Selection,
    specs: Sequence[RenditionSpec],
    batch_id: int,
    options: PlanOptions = PlanOptions(),  # noqa: B008 - it is frozen
    *,
    oss: OssSettings | None = None,
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
        oss: for asking what stands at the targets, and whether a source still exists that owns a target which another
            one wants. None: nothing stands there, and every source exists; publishing looks all the same.
        uid: the batch's own, where it is known: an id may be given again.
        prices: for the plan's estimate.

    Raises:
        SelectionError: it would take its own renditions for sources, or two of its profiles share a target.
        oss2.exceptions.OssError, requests.RequestException: OSS can't say what there is; nothing is planned.
    """
    refuse_own_targets(selection, specs)
    existence = SourceExistence(None if oss is None else oss.bucket(selection.bucket))
    with TargetLook(catalogue, oss) as look:
        job = _Job(selection, specs, batch_id, uid, options, prices, existence, look)
        try:
            owners = _collect(catalogue, job)
            existence.ask(owners)
            look.look()
            plan = _plan(catalogue, job)
        except SelectionError:
            _forget_listing(catalogue, batch_id)
            raise
    if options.dry_run:
        _forget_listing(catalogue, batch_id)
    return plan


@dataclass(frozen=True)
class _Job:
    """What one planning is about: the arguments of `plan_batch`, and what OSS says of targets and other sources."""

    selection: Selection
    specs: Sequence[RenditionSpec]
    batch_id: int
    uid: str | None
    options: PlanOptions
    prices: PriceTable | None
    existence: SourceExistence
    look: TargetLook


def _collect(catalogue: Catalogue, job: _Job) -> frozenset[str]:
    """Collect the targets that the batch wants; nothing is kept in the catalogue.

    Returns:
        The keys of sources that own some of them, and of which OSS has to say whether they exist.
    """
    with catalogue.write() as connection:
        exclusive(connection, "plan")
        if batches.get_batch(connection, job.batch_id, job.uid).planned_at is not None:
            return frozenset()
        owners = _Planner(connection, job).collect_targets()
        connection.rollback()
        return owners


def _plan(catalogue: Catalogue, job: _Job) -> Plan:
    """Plan in one transaction."""
    with catalogue.write() as connection:
        exclusive(connection, "plan")
        known = batches.get_batch(connection, job.batch_id, job.uid)
        if known.planned_at is not None:
            return Plan(batches.shards_of(connection, job.batch_id), Counter(known.decisions))
        if known.listed and not batches.has_listing(connection, job.batch_id):
            raise SelectionError(
                "what was listed is not kept after a dry run or a refusal: clear the task that lists as well"
            )
        planner = _Planner(connection, job)
        planner.plan_all()
        if job.options.dry_run:
            connection.rollback()
        else:
            planner.plan.shards = batches.shards_of(connection, job.batch_id)
        return planner.plan


def _forget_listing(catalogue: Catalogue, batch_id: int) -> None:
    with catalogue.write() as connection:
        batches.begin_listing(connection, batch_id)


@dataclass
class _Choice:
    """What is decided about one candidate.

    Attributes:
        row: the candidate.
        decision: what is decided about it.
        target: bucket and key, where it is to get an object.
        reason: why there is no target, or why it is refused.
        former_owner: id of the conversion that owned the target and gives it up.
    """

    row: Row[Any]
    decision: Decision
    target: Target | None = None
    reason: str | None = None
    former_owner: int | None = None


class _Planner:
    """One planning, inside its transaction."""

    def __init__(self, connection: Connection, job: _Job) -> None:
        self._connection = connection
        self._selection = job.selection
        self._specs = job.specs
        self._digests = [spec.digest() for spec in job.specs]
        self._batch_id = job.batch_id
        self._options = job.options
        self._look = job.look
        names = frozenset(spec.name for spec in job.specs)
        self._rules = TargetRules(connection, job.selection, job.batch_id, names, job.existence, job.look)
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

    def collect_targets(self) -> frozenset[str]:
        """Add the wanted targets to the look. Returns the keys of their unknown owners; nothing is written."""
        owners: set[str] = set()
        for page in self._candidates.pages():
            choices = self._taken_choices(page)
            for number, spec in enumerate(self._specs):
                targets = _targets(choices, number)
                self._look.want(spec.name, targets)
                owners |= self._rules.unknown_owners(targets)
        return frozenset(owners)

    def plan_all(self) -> None:
        """Decide on every source and spec, shard the result, close the listing."""
        for page in self._candidates.pages():
            choices = self._taken_choices(page)
            for number, spec in enumerate(self._specs):
                self._judge(spec, number, choices)
            self._carry_out([choice for choice in choices if self._within_limit(choice)])
        listed = planning.count_listed(self._connection, self._batch_id)
        self.plan.unchanged = listed * len(self._specs) - self._candidates.count_listed()
        self._candidates.forget()
        size = self._options.shards.size(self._ordinal, self.plan.estimate.minutes)
        planning.set_shards(self._connection, self._batch_id, size)
        batches.end_planning(self._connection, self._batch_id, self.plan.decisions)

    def _taken_choices(self, page: Sequence[Row[Any]]) -> list[_Choice]:
        """The choices about a page that the limit allows, and those that may be free of an earlier refusal."""
        return [one for one in self._choose(page) if one.row.state == State.SKIPPED or self._within_limit(one)]

    def _within_limit(self, choice: _Choice) -> bool:
        """Whether a choice is among those the batch takes; only sources with something to do count."""
        limit, key = self._options.limit, choice.row.key
        if limit is None or choice.decision in LEFT_ALONE or key in self._taken or self._keeps_row(choice):
            return True
        if len(self._taken) >= limit:
            return False
        self._taken.add(key)
        return True

    def _choose(self, page: Sequence[Row[Any]]) -> list[_Choice]:
        """Decide about a page of candidates as if every target were free; nothing is written."""
        at = now()
        # What is left behind was planned once, but perhaps under another selection.
        mine = [row for row in page if row.listed or self._selection.matches(row.key)]
        choices = [_Choice(row, self._decision(row, at)) for row in mine]
        for choice in choices:
            if choice.decision in _WITH_TARGET:
                try:
                    target = self._specs[choice.row.spec].target_for(self._selection.bucket, choice.row.key)
                    self._selection.reserved.refuse_key(target[1])
                    choice.target = target
                except ParameterError as error:
                    choice.decision, choice.reason = Decision.NO_TARGET, str(error)
        return choices

    def _judge(self, spec: RenditionSpec, number: int, choices: Sequence[_Choice]) -> None:
        """Decide whether the choices of one spec may have their targets."""
        verdicts = self._rules.judge(spec, _targets(choices, number))
        for choice in choices:
            if choice.row.spec == number and choice.target is not None:
                verdict = verdicts[choice.row.key]
                choice.former_owner = verdict.former_owner
                if verdict.decision is not None:
                    choice.decision, choice.reason = verdict.decision, verdict.reason

    def _keeps_row(self, choice: _Choice) -> bool:
        """Whether a refused target needs no new generation: the row of an earlier refusal or failure says it."""
        row = choice.row
        if choice.decision not in REFUSED or row.id is None:
            return False
        if State(row.state) in {State.FAILED, State.QUARANTINED}:
            return self._by_state(row, now()) is Decision.RETRY
        same = row.planned_etag == row.etag and row.digest == self._digests[row.spec]
        return same and State(row.state) is State.SKIPPED

    def _decision(self, row: Row[Any], at: datetime) -> Decision:
        if row.size == 0:
            return Decision.EMPTY
        decision = self._by_state(row, at)
        if decision not in FRESH or not self._options.never_degrade:
            return decision
        spec = self._specs[row.spec]
        return Decision.DEGRADES if degrades(spec.convert, row.codec, source_bitrate(row)) else decision

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
        kept = [one for one in choices if self._keeps_row(one)]
        planning.refuse(self._connection, [(one.row.id, REFUSED[one.decision], str(one.reason)) for one in kept])
        conversions.retry(self._connection, [one.row.id for one in choices if one.decision is Decision.RETRY])
        move(self._connection, Verb.MARK_DEAD, [one.row.id for one in choices if one.decision is Decision.DEAD])
        wanted = [
            (one.row.position, one.row.id, one.decision.value)
            for one in choices
            if one.decision in {Decision.JOINED, Decision.RETRY} or self._keeps_row(one)
        ]
        for number, spec in enumerate(self._specs):
            fresh = [
                one for one in choices if one.decision in FRESH and one.row.spec == number and not self._keeps_row(one)
            ]
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
        older = [one.row.id for one in fresh if one.row.id is not None]
        planning.outdate(connection, older, message="a newer generation was planned")
        # What former owners published stands until it is replaced.
        former = [one.former_owner for one in fresh if one.former_owner is not None and one.decision not in REFUSED]
        planning.outdate(connection, former, message="its source or profile is gone, and another one has its target")
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
                target_key="" if one.target is None else one.target[1],
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
            if len(self.plan.refused) < SHOWN and one.decision in REFUSED:
                self.plan.refused.append((one.decision.value, row.key, spec.name, str(one.reason)))


def _targets(choices: Sequence[_Choice], number: int) -> dict[str, Target]:
    """The wanted targets of one spec, by source key."""
    return {one.row.key: one.target for one in choices if one.row.spec == number and one.target is not None}


def _why_skipped(choice: _Choice) -> str | None:
    row = choice.row
    if choice.decision is Decision.EMPTY:
        return "the source object has no bytes"
    if choice.decision is Decision.DEGRADES:
        bitrate = source_bitrate(row)
        return f"the source is {row.codec} of about {bitrate} bit/s, fewer than the rendition would have"
    return choice.reason
