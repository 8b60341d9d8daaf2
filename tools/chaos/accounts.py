"""Was anything paid for twice: what the service accepted, source by source, against what was needed."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from oss_local_cloud.fault_injection.records import AcceptedTask, Fault
from tools.chaos.checker import FAILED_TASK, Judgement, made_by
from tools.chaos.moves import Claim
from tools.chaos.settings import READ_TIMEOUT
from tools.chaos.targets import Hit
from tools.stack.components import API_SERVER, LOCAL_CLOUD, POSTGRESQL, WORKER

MOST_EXCESS = 0.01
"""Share of the conversions that may have been accepted in vain."""

SUBMIT = "AsyncProcessObject"
UNHEARD = frozenset({"reset", "silence", "error", "latency"})
"""Faults after which a submit's answer isn't known: a latency is logged only where somebody hung up over it."""


IN_THE_WAY = frozenset({WORKER, LOCAL_CLOUD, POSTGRESQL, API_SERVER})
"""Whose death or standstill a submit can suffer from: who makes it, takes it, writes it down, and lets the task run."""


@dataclass(frozen=True)
class Window:
    """A submit from its claim to its end, in seconds since the epoch."""

    began: float
    ended: float

    def holds(self, at: float, until: float) -> bool:
        """Whether something that lasted so long touches it."""
        return at <= self.ended and until >= self.began

    def __str__(self) -> str:
        return f"{self.ended - self.began:.1f} s after its claim"


@dataclass(frozen=True)
class Troubles:
    """What may be inside a submit: logged faults, hits, and the claims that say when a submit was."""

    faults: Sequence[Fault]
    hits: Sequence[Hit]
    claims: Sequence[Claim]


def judge_accounts(sources: int, tasks: Iterable[AcceptedTask], troubles: Troubles, into: Judgement) -> None:
    """Nothing was accepted again of a source before its last task had failed, but for logged troubles inside a submit.

    Whatever the catalogue says: a source is converted by the service's own account, whichever row it was for.

    Args:
        sources: how many there are; each has one rendition to be made.
    """
    accepted: defaultdict[str, list[AcceptedTask]] = defaultdict(list)
    for task in sorted(tasks, key=lambda task: task.started_ms):
        accepted[task.key].append(task)
    into.figures["accepted"] = sum(map(len, accepted.values()))
    submits = _Submits(troubles)
    into.figures["submits whose answer was taken by request"] = submits.count_unheard()
    pairs = (pair for of_one in accepted.values() for pair in itertools.pairwise(of_one))
    excess = [(before, after) for before, after in pairs if not _is_needed(before, after)]
    into.figures["excess"] = len(excess)
    for before, after in excess:
        tie = submits.tie(before, after)
        both = f"{after.key} was accepted as {before.task_id} and again as {after.task_id}"
        if tie is None:
            into.problems.append(f"{both}: no fault and no hit inside either submit")
        else:
            into.ties.append(f"{both}: {tie}")
    if len(excess) > MOST_EXCESS * max(1, sources):
        into.problems.append(f"{len(excess)} conversions too many, of {sources}: more than 1 %")


def _is_needed(before: AcceptedTask, after: AcceptedTask) -> bool:
    """Whether a task is the next attempt after one that the service calls failed."""
    return before.status == FAILED_TASK and made_by(after) > made_by(before)


class _Submits:
    def __init__(self, troubles: Troubles) -> None:
        self._troubles = troubles
        self._claims: defaultdict[int, list[Claim]] = defaultdict(list)
        for claim in troubles.claims:
            self._claims[claim.conversion_id].append(claim)
        self._faults: defaultdict[str, list[Fault]] = defaultdict(list)
        for fault in troubles.faults:
            if fault.operation == SUBMIT and fault.fault in UNHEARD:
                self._faults[fault.task_id].append(fault)

    def count_unheard(self) -> int:
        """How many submits were accepted and got no answer that tells it, because a rule said so."""
        return sum(bool(task_id) for task_id in self._faults)

    def tie(self, before: AcceptedTask, after: AcceptedTask) -> str | None:
        """The trouble inside the submit of one of the two, or None."""
        # Only of the first one: that the second one's answer was lost is no reason to have posted it.
        for fault in self._faults.get(before.task_id, ()):
            return f"{fault.fault} by rule {fault.rule} took the answer of {before.task_id}"
        for task in (before, after):
            window = self._window(task)
            for hit in self._troubles.hits:
                if hit.victim in IN_THE_WAY and window.holds(hit.at, hit.until):
                    when = hit.at - window.began
                    return f"{hit.what} of {hit.victim}, {when:.1f} s after the claim of {task.task_id} ({window})"
        return None

    def _window(self, task: AcceptedTask) -> Window:
        """From the claim to the answer's record; nobody waits for an answer longer than the time-out.

        A process that slept over the end of its claim posts later than that: then the window reaches to the post.
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
