"""What must hold after the last kill, checked from outside: catalogue, bucket and the service's own account."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from include.catalogue import State
from include.local_cloud.misbehaviour.records import AcceptedTask, Fault
from tools.chaos.catalogue_view import Rendition, Row
from tools.chaos.victims import Hit

MOST_EXCESS = 0.01
"""Share of the conversions that may have been accepted in vain."""

BEFORE = 30.0
"""Seconds a submit may have lasted before the service had it: the claim's lease, with its retries."""

FAILED_TASK = "Failed"
SUBMIT = "AsyncProcessObject"
UNHEARD = frozenset({"reset", "silence", "error", "latency"})


@dataclass
class Judgement:
    """Figures, and what was broken: each problem in one sentence that names its object."""

    figures: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    problems: list[str] = field(default_factory=list)
    ties: list[str] = field(default_factory=list)


def judge_sources(sources: Sequence[str], rows: Sequence[Row], tasks: Sequence[AcceptedTask], into: Judgement) -> None:
    """Every source ended: published, or failed for a reason that the service's own account confirms."""
    newest = {row.key: row for row in rows if row.newest}
    failures = {task.task_id: task for task in tasks if task.status == FAILED_TASK}
    written_to = {task.target_key for task in tasks}
    for key in sources:
        row = newest.get(key)
        if row is None:
            into.problems.append(f"{key} was lost: no conversion of it is in the catalogue")
            continue
        into.figures[row.state.value] += 1
        if row.state is State.PUBLISHED:
            continue
        if row.state not in {State.FAILED, State.DEAD}:
            into.problems.append(f"{key} ended {row.state.value}: {row.code} {row.message}")
        elif not _true_reason(row, failures, written_to):
            into.problems.append(f"{key} failed for an unconfirmed reason: {row.code} {row.message}")


def _true_reason(row: Row, failures: Mapping[str, AcceptedTask], written_to: set[str]) -> bool:
    task = failures.get(row.task_id or "")
    if task is not None:
        return row.code == task.code and bool(row.message)
    return row.code == "NoAnswer" and row.output_key not in written_to


def judge_renditions(
    rows: Sequence[Row], renditions: Sequence[Rendition], objects: Mapping[str, tuple[str, int]], into: Judgement
) -> None:
    """Published rows, rendition rows and the target's objects (`{key: (etag, bytes)}`) are the same set."""
    published = {row.id for row in rows if row.state is State.PUBLISHED}
    of_conversion = {one.conversion_id for one in renditions}
    for row_id in sorted(published - of_conversion):
        into.problems.append(f"conversion {row_id} is published and has no rendition row")
    for row_id in sorted(of_conversion - published):
        into.problems.append(f"conversion {row_id} has a rendition row and is not published")
    entered = {one.key: one for one in renditions}
    for key in sorted(entered.keys() - objects.keys()):
        into.problems.append(f"{key} is published and there is no such object")
    for key in sorted(objects.keys() - entered.keys()):
        into.problems.append(f"{key} stands in the bucket and has no row")
    for key in sorted(entered.keys() & objects.keys()):
        if (entered[key].etag, entered[key].size) != objects[key]:
            into.problems.append(f"{key} is another object than the one that was entered")


def judge_accounts(
    rows: Sequence[Row], tasks: Iterable[AcceptedTask], faults: Iterable[Fault], hits: Sequence[Hit], into: Judgement
) -> None:
    """No conversion was accepted more often than attempts were needed, but for logged troubles inside its submit."""
    accepted: dict[str, list[AcceptedTask]] = defaultdict(list)
    for task in tasks:
        accepted[task.key].append(task)
    unheard: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        if fault.operation == SUBMIT and fault.fault in UNHEARD:
            unheard[fault.key].append(fault)
    quarantined: dict[str, int] = defaultdict(int)
    for row in rows:
        quarantined[row.key] += sum(one.state is State.QUARANTINED for one in row.earlier)
    into.figures["accepted"] = sum(map(len, accepted.values()))
    for key, of_key in accepted.items():
        useful = sorted((task for task in of_key if task.status != FAILED_TASK), key=lambda task: task.started_ms)
        for before, after in list(pairwise(useful))[quarantined[key] :]:
            into.figures["excess"] += 1
            tie = _tie(before, after, unheard[key], hits)
            if tie is None:
                into.problems.append(f"{key} was accepted as {before.task_id} and again as {after.task_id}: no trouble")
            else:
                into.ties.append(f"{key} was accepted twice: {tie}")
    if into.figures["excess"] > MOST_EXCESS * max(1, len(rows)):
        into.problems.append(f"{into.figures['excess']} conversions too many, of {len(rows)}: more than 1 %")


def _tie(before: AcceptedTask, after: AcceptedTask, unheard: Sequence[Fault], hits: Sequence[Hit]) -> str | None:
    """The logged trouble inside the first one's submit, or None."""
    for fault in unheard:
        if fault.task_id == before.task_id:
            return f"{fault.fault} by rule {fault.rule}"
    began, ended = before.started_ms / 1000 - BEFORE, after.started_ms / 1000
    for hit in hits:
        if hit.at <= ended and hit.until >= began:
            return f"{hit.what} of {hit.victim}"
    return None
