"""Conversions that were paid for twice: what the service accepted of each source, against what was needed."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from oss_local_cloud.fault_injection.records import AcceptedTask, Fault
from tools.chaos.checker import FAILED_TASK, CheckResult, made_by
from tools.chaos.moves import Claim
from tools.chaos.settings import READ_TIMEOUT
from tools.chaos.targets import Injection
from tools.stack.components import API_SERVER, LOCAL_CLOUD, POSTGRESQL, WORKER

MAX_EXCESS = 0.01
"""Share of the conversions that may have been accepted in vain."""

SUBMIT = "AsyncProcessObject"
UNANSWERED = frozenset({"reset", "silence", "error", "latency"})
"""Faults after which a submit's answer isn't known. A latency is logged only where the client hung up over it."""

SUBMIT_TARGETS = frozenset({WORKER, LOCAL_CLOUD, POSTGRESQL, API_SERVER})
"""Targets whose end or stop affects a submit: it runs in a worker, calls the local cloud, is recorded in PostgreSQL,
and its task depends on the API server."""


@dataclass(frozen=True)
class Window:
    """A submit from its claim to its end, in seconds since the epoch."""

    began: float
    ended: float

    def overlaps(self, began: float, ended: float) -> bool:
        """Whether something that lasted from `began` to `ended` touches the submit."""
        return began <= self.ended and ended >= self.began

    def __str__(self) -> str:
        return f"{self.ended - self.began:.1f} s after its claim"


@dataclass(frozen=True)
class PossibleCauses:
    """What explains an excess: logged faults, injections, and the claims that say when a submit was."""

    faults: Sequence[Fault]
    injections: Sequence[Injection]
    claims: Sequence[Claim]


def check_excess(sources: int, tasks: Iterable[AcceptedTask], causes: PossibleCauses, into: CheckResult) -> None:
    """Check that no source was accepted again before its last task had failed, except for causes inside a submit.

    The service's own records count, whatever the catalogue says and whichever row a task was for.

    Args:
        sources: the number of sources; each has one rendition to be made.
        tasks: what the service accepted.
        causes: what may explain an excess.
        into: gets the figures, the problems, and the explained excesses.
    """
    accepted: defaultdict[str, list[AcceptedTask]] = defaultdict(list)
    for task in sorted(tasks, key=lambda task: task.started_ms):
        accepted[task.key].append(task)
    into.figures["accepted"] = sum(map(len, accepted.values()))
    submits = _Submits(causes)
    into.figures["submits whose answer was lost to an injected fault"] = submits.count_unanswered()
    pairs = (pair for of_one in accepted.values() for pair in itertools.pairwise(of_one))
    excess = [(before, after) for before, after in pairs if not _is_needed(before, after)]
    into.figures["excess"] = len(excess)
    for before, after in excess:
        cause = submits.cause(before, after)
        both = f"{after.key} was accepted as {before.task_id} and again as {after.task_id}"
        if cause is None:
            into.problems.append(f"{both}: no fault and no injection inside either submit")
        else:
            into.explained.append(f"{both}: {cause}")
    if len(excess) > MAX_EXCESS * max(1, sources):
        into.problems.append(f"{len(excess)} conversions too many, of {sources}: more than 1 %")


def _is_needed(before: AcceptedTask, after: AcceptedTask) -> bool:
    """Whether a task is the next attempt after one that the service calls failed."""
    return before.status == FAILED_TASK and made_by(after) > made_by(before)


class _Submits:
    def __init__(self, causes: PossibleCauses) -> None:
        self._causes = causes
        self._claims: defaultdict[int, list[Claim]] = defaultdict(list)
        for claim in causes.claims:
            self._claims[claim.conversion_id].append(claim)
        self._faults: defaultdict[str, list[Fault]] = defaultdict(list)
        for fault in causes.faults:
            if fault.operation == SUBMIT and fault.fault in UNANSWERED:
                self._faults[fault.task_id].append(fault)

    def count_unanswered(self) -> int:
        """Count the submits that were accepted and whose answer was lost to a rule."""
        return sum(bool(task_id) for task_id in self._faults)

    def cause(self, before: AcceptedTask, after: AcceptedTask) -> str | None:
        """Find a fault or an injection inside the submit of one of the two tasks."""
        # Faults of the first task only: losing the second one's answer is no reason to have posted it.
        for fault in self._faults.get(before.task_id, ()):
            return f"{fault.fault} by rule {fault.rule} took the answer of {before.task_id}"
        for task in (before, after):
            window = self._window(task)
            for one in self._causes.injections:
                if one.target in SUBMIT_TARGETS and window.overlaps(one.at, one.until):
                    when = one.at - window.began
                    return f"{one.what} of {one.target}, {when:.1f} s after the claim of {task.task_id} ({window})"
        return None

    def _window(self, task: AcceptedTask) -> Window:
        """Return the time from the claim to the answer's record; an answer is awaited no longer than the time-out.

        A process that was stopped beyond the end of its claim posts later: then the window reaches to the post.
        """
        started = task.started_ms / 1000
        claim = max(
            (one for one in self._claims[made_by(task)[0]] if one.at <= started),
            key=lambda one: one.at,
            default=None,
        )
        if claim is None:
            return Window(started, started + READ_TIMEOUT)
        return Window(claim.at, max(started, min(claim.until, started + READ_TIMEOUT)))
