"""What must hold after the last injection: catalogue, bucket and the service's own records, compared from outside."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from oss_audio_core.catalogue import State
from oss_local_cloud.fault_injection.records import AcceptedTask
from tools.chaos.catalogue_view import Rendition, Row

FAILED_TASK, SUCCEEDED_TASK = "Failed", "Succeeded"


@dataclass
class CheckResult:
    """What the checks found.

    Attributes:
        figures: counts by name.
        problems: what was broken, each in one sentence that names its object.
        explained: conversions that were accepted twice, each with its cause.
    """

    figures: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    problems: list[str] = field(default_factory=list)
    explained: list[str] = field(default_factory=list)


def check_sources(
    sources: Sequence[str], rows: Sequence[Row], tasks: Sequence[AcceptedTask], into: CheckResult
) -> None:
    """Check that every source ended: published, or failed for a reason that the service's records confirm."""
    of_source: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        of_source[row.key].append(row)
    failures = {task.task_id: task for task in tasks if task.status == FAILED_TASK}
    written_to = {task.target_key for task in tasks}
    made = {made_by(task) for task in tasks if task.status == SUCCEEDED_TASK}
    for key in sources:
        if not of_source[key]:
            into.problems.append(f"{key} was lost: no conversion of it is in the catalogue")
            continue
        row, *more = of_source[key]
        if more:  # no source is written and no rendition asked for a second time
            into.problems.append(f"{key} has {1 + len(more)} conversions, without a reason for the second")
        into.figures[row.state.value] += 1
        if row.state is State.PUBLISHED:
            if (row.id, row.attempt) not in made:
                into.problems.append(f"{key} is published by attempt {row.attempt}, of which no task succeeded")
        elif row.state not in {State.FAILED, State.DEAD}:
            into.problems.append(f"{key} ended {row.state.value}: {row.code} {row.message}")
        elif not _is_confirmed(row, failures, written_to):
            into.problems.append(f"{key} failed for an unconfirmed reason: {row.code} {row.message}")


def made_by(task: AcceptedTask) -> tuple[int, int]:
    """Read conversion and attempt from the key that the task writes to: …/{conversion}-{attempt}.{ext}."""
    conversion, _, attempt = task.target_key.rpartition("/")[2].partition(".")[0].partition("-")
    return int(conversion), int(attempt)


def _is_confirmed(row: Row, failures: Mapping[str, AcceptedTask], written_to: set[str]) -> bool:
    task = failures.get(row.task_id or "")
    if task is not None:
        return row.code == task.code and bool(row.message)
    return row.code == "NoAnswer" and row.output_key not in written_to


def check_renditions(
    rows: Sequence[Row], renditions: Sequence[Rendition], objects: Mapping[str, tuple[str, int]], into: CheckResult
) -> None:
    """Check that published rows, rendition rows and the target's objects are the same set.

    Args:
        rows: every conversion.
        renditions: every row of a published rendition.
        objects: what the target bucket holds: `{key: (etag, bytes)}`.
        into: gets the problems.
    """
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
        into.problems.append(f"{key} is in the bucket and has no row")
    for key in sorted(entered.keys() & objects.keys()):
        if (entered[key].etag, entered[key].size) != objects[key]:
            into.problems.append(f"{key} is another object than the one that was entered")
