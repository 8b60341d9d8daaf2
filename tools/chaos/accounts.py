"""Was anything paid for twice: what the service accepted, attempt by attempt, against what was needed."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from include.catalogue import State
from include.local_cloud.misbehaviour.records import AcceptedTask, Fault
from tools.chaos.catalogue_view import Row
from tools.chaos.judgement import FAILED_TASK, Judgement
from tools.chaos.moves import Claim
from tools.chaos.settings import READ_TIMEOUT
from tools.chaos.victims import Hit

MOST_EXCESS = 0.01
"""Share of the conversions that may have been accepted in vain."""

SUBMIT = "AsyncProcessObject"
UNHEARD = frozenset({"reset", "silence", "error", "latency"})
"""Faults after which a submit's answer isn't known: a latency is logged only where somebody hung up over it."""


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


def judge_accounts(rows: Sequence[Row], tasks: Iterable[AcceptedTask], troubles: Troubles, into: Judgement) -> None:
    """No attempt was accepted twice, and none after one that had succeeded, but for logged troubles inside a submit."""
    accepted: defaultdict[tuple[int, int], list[AcceptedTask]] = defaultdict(list)
    for task in sorted(tasks, key=lambda task: task.started_ms):
        accepted[_attempt_of(task)].append(task)
    into.figures["accepted"] = sum(map(len, accepted.values()))
    submits = _Submits(troubles)
    into.figures["submits whose answer was taken by request"] = submits.count_unheard()
    excess = [(before, after) for of_one in accepted.values() for before, after in itertools.pairwise(of_one)]
    excess += [pair for row in rows for pair in _after_success(row, accepted)]
    into.figures["excess"] = len(excess)
    for before, after in excess:
        tie = submits.tie(before, after)
        both = f"{after.key} was accepted as {before.task_id} and again as {after.task_id}"
        if tie is None:
            into.problems.append(f"{both}: no fault and no hit inside either submit")
        else:
            into.ties.append(f"{both}: {tie}")
    if len(excess) > MOST_EXCESS * max(1, len(rows)):
        into.problems.append(f"{len(excess)} conversions too many, of {len(rows)}: more than 1 %")


def _attempt_of(task: AcceptedTask) -> tuple[int, int]:
    """Conversion and attempt, as the key that the task writes to names them: …/{conversion}-{attempt}.{ext}."""
    conversion, _, attempt = task.target_key.rpartition("/")[2].partition(".")[0].partition("-")
    return int(conversion), int(attempt)


def _after_success(
    row: Row, accepted: dict[tuple[int, int], list[AcceptedTask]]
) -> Iterable[tuple[AcceptedTask, AcceptedTask]]:
    """Attempts that followed one which the service calls a success, and which was not refused by verification."""
    for earlier in row.earlier:
        good = [task for task in accepted.get((row.id, earlier.number), ()) if task.status != FAILED_TASK]
        again = accepted.get((row.id, earlier.number + 1), ())
        if good and again and earlier.state is not State.QUARANTINED:
            yield good[-1], again[0]


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
        for task in (before, after):
            for fault in self._faults.get(task.task_id, ()):
                return f"{fault.fault} by rule {fault.rule} took the answer of {task.task_id}"
        for task in (before, after):
            window = self._window(task)
            for hit in self._troubles.hits:
                if window.holds(hit.at, hit.until):
                    when = hit.at - window.began
                    return f"{hit.what} of {hit.victim}, {when:.1f} s after the claim of {task.task_id} ({window})"
        return None

    def _window(self, task: AcceptedTask) -> Window:
        """From the claim to the answer's record; nobody waits for an answer longer than the time-out.

        A process that slept over the end of its claim posts later than that: then the window reaches to the post.
        """
        started = task.started_ms / 1000
        claim = max(
            (one for one in self._claims[_attempt_of(task)[0]] if one.at <= started),
            key=lambda one: one.at,
            default=None,
        )
        if claim is None:
            return Window(started, started + READ_TIMEOUT)
        return Window(claim.at, max(started, min(claim.until, started + READ_TIMEOUT)))
