"""A chaos run: batches work, processes are killed and stopped at random moments, the checker compares the results."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from oss_audio_core.catalogue import State
from oss_local_cloud.fault_injection.admin_client import AdminClient
from tools.chaos.batches import DAG_ID, Batches
from tools.chaos.catalogue_view import CatalogueView
from tools.chaos.chaos_stack import chaos_stack
from tools.chaos.checker import CheckResult, check_renditions, check_sources
from tools.chaos.excess import PossibleCauses, check_excess
from tools.chaos.injections import plan_injections
from tools.chaos.moves import claims, unknown_moves
from tools.chaos.settings import fault_rules
from tools.chaos.table import CoverageTable
from tools.chaos.targets import Supervisor
from tools.chaos.watch import StateWatch
from tools.demo.upload import oss_settings
from tools.stack import Stack

PROGRESS_SECONDS = 30.0
"""An injection waits at most so long for a conversion to move since the last one, or processes only ever start."""

AIM_AT = 5
"""An injection waits for so many conversions in the state that it aims at."""

FIRST_AIM_SECONDS = 60.0
"""The longest wait for a state that no injection has met yet."""

AIM_SECONDS = 15.0
"""The longest wait for the least covered state once all were met."""

PACE = 8.0
"""Seconds for each injection, on average; a run that is slower waits for no state that was met already."""

LAST_INJECTIONS = 3
"""The last wave begins before the last so many injections: they meet its runs, and the end comes sooner."""

TAIL_SECONDS = 900.0
"""How long the batches may take after the last injection."""

ANSWER_SECONDS = 120.0
"""How long the last targets may take to run and answer again."""

RENDITIONS = "renditions/"


@dataclass(frozen=True)
class ChaosOptions:
    """Parameters of a run.

    Attributes:
        kills: number of injections.
        seed: decides about moments, targets and faults.
        files: sources of a wave.
        waves: waves that are under way at a time.
        lost: share of the notifications that are lost.
        repeated: share of the notifications that are repeated.
        longest_stop: seconds of the longest SIGSTOP.
    """

    kills: int
    seed: int
    files: int
    waves: int
    lost: float
    repeated: float
    longest_stop: float


@dataclass
class ChaosSummary:
    """The results of a run.

    Attributes:
        result: what the checks found.
        coverage: which states the injections met.
        kinds: injections by kind.
        runs: DAG runs that were triggered.
        clears: how often failed tasks were cleared.
        restarts: processes that ended without an injection, by name.
    """

    result: CheckResult = field(default_factory=CheckResult)
    coverage: CoverageTable = field(default_factory=CoverageTable)
    kinds: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    clears: int = 0
    restarts: Counter[str] = field(default_factory=Counter)


def run(folder: Path, options: ChaosOptions, say: Callable[[str], None]) -> ChaosSummary:
    """Start a stack, inject kills and stops while batches run, and check what came of them.

    Args:
        folder: where logs, objects and reports are kept.
        options: the run's parameters.
        say: prints a line of progress.

    Returns:
        Figures and problems.

    Raises:
        StackError: the stack didn't start.
    """
    summary = ChaosSummary()
    with chaos_stack(folder, options.seed) as (stack, admin):
        admin.replace(fault_rules(options.lost, options.repeated))
        stack.airflow.wait_for_dag(DAG_ID)
        say("Airflow and the local cloud are up")
        view = CatalogueView(stack.catalogue_url)
        watch, supervisor = StateWatch(view), Supervisor(stack)
        batches = Batches(stack, options.files, options.waves, say)
        with supervisor.watching(), watch.watching():
            batches.start()
            try:
                _inject_all(options, supervisor, batches, watch, summary, say)
                _finish_batches(batches, watch, say)
            finally:
                batches.abandon()
            say("comparing the catalogue with the bucket and the service's own records")
            _check(stack, admin, view, supervisor, batches, summary.result)
        view.close()
    summary.runs, summary.clears = len(batches.runs), sum(run.clears for run in batches.runs)
    summary.restarts = Counter(name for name, _ in supervisor.restarts)
    return summary


def _inject_all(
    options: ChaosOptions,
    supervisor: Supervisor,
    batches: Batches,
    watch: StateWatch,
    summary: ChaosSummary,
    say: Callable[[str], None],
) -> None:
    began, coverage = time.monotonic(), summary.coverage
    states: Counter[State] | None = None
    for number, planned in enumerate(plan_injections(options.kills, options.seed, options.longest_stop), start=1):
        if number > options.kills - LAST_INJECTIONS:
            batches.begin_no_more()
        time.sleep(planned.pause)
        _wait_for_progress(states, watch)
        now, wanted = time.monotonic(), coverage.least_covered()
        in_time = min(now + AIM_SECONDS, began + number * PACE)
        states = _wait_for_state(wanted, watch, now + FIRST_AIM_SECONDS if wanted in coverage.uncovered() else in_time)
        done = supervisor.inject(planned)
        coverage.add(done.target, states)
        summary.kinds[planned.kind.value] += 1
        runs = len(batches.open_runs())
        say(f"{number}/{options.kills} {done.what} of {done.target}: {_describe(states)}; {runs} runs")
    batches.begin_no_more()


def _wait_for_progress(before: Counter[State] | None, watch: StateWatch) -> None:
    """Wait until the counts by state differ from those at the last injection, PROGRESS_SECONDS at most."""
    deadline = time.monotonic() + PROGRESS_SECONDS
    while watch.states() in (before, None) and time.monotonic() < deadline:
        time.sleep(0.1)


def _wait_for_state(wanted: State, watch: StateWatch, deadline: float) -> Counter[State] | None:
    """Return the counts by state once AIM_AT conversions are in the wanted one, or those at the deadline."""
    while True:
        states = watch.states()
        if (states is not None and states[wanted] >= AIM_AT) or time.monotonic() > deadline:
            return states
        time.sleep(0.05)


def _finish_batches(batches: Batches, watch: StateWatch, say: Callable[[str], None]) -> None:
    say("no more injections; waiting for the batches")
    deadline = time.monotonic() + TAIL_SECONDS
    while not batches.wait(timeout=20.0):
        open_runs = ", ".join(f"{run.run_id} {run.state}" for run in batches.open_runs())
        say(f"  {_describe(watch.states())}; {open_runs}")
        if time.monotonic() > deadline:
            batches.problems.append(f"not ended {TAIL_SECONDS:.0f} s after the last injection: {open_runs}")
            return


def _describe(states: Counter[State] | None) -> str:
    if states is None:
        return "PostgreSQL does not answer"
    return ", ".join(f"{states[state]} {state.value}" for state in State if states[state]) or "no conversions yet"


def _check(
    stack: Stack,
    admin: AdminClient,
    view: CatalogueView,
    supervisor: Supervisor,
    batches: Batches,
    result: CheckResult,
) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while (supervisor.stopped() or not _answers(admin)) and time.monotonic() < deadline:
        time.sleep(0.5)
    admin.clear()
    rows, tasks, moves = view.rows(), list(admin.tasks()), view.moves()
    causes = PossibleCauses(list(admin.faults()), supervisor.injections, claims(moves))
    result.problems += batches.problems + supervisor.problems
    result.problems += unknown_moves(moves)
    check_sources(batches.sources, rows, tasks, result)
    check_renditions(rows, view.renditions(), _objects(stack), result)
    check_excess(len(batches.sources), tasks, causes, result)


def _answers(admin: AdminClient) -> bool:
    try:
        admin.state()
    except OSError:
        return False
    return True


def _objects(stack: Stack) -> dict[str, tuple[str, int]]:
    """List the objects below the target's prefix: `{key: (etag, bytes)}`."""
    settings = oss_settings(stack)
    bucket = settings.bucket(stack.cloud_settings.bucket)
    found: dict[str, tuple[str, int]] = {}
    token = ""
    while True:
        page = bucket.list_objects_v2(prefix=RENDITIONS, continuation_token=token, max_keys=1000)
        found |= {one.key: (one.etag.strip('"'), one.size) for one in page.object_list}
        if not page.is_truncated:
            return found
        token = page.next_continuation_token
