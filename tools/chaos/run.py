"""The run: batches work, somebody is hit at random moments, and at the end everything is held against everything."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from oss_audio_core.catalogue import State
from oss_local_cloud.fault_injection.client import AdminClient
from tools.chaos.accounts import Troubles, judge_accounts
from tools.chaos.batches import DAG_ID, Batches
from tools.chaos.catalogue_view import CatalogueView
from tools.chaos.chaos_stack import chaos_stack
from tools.chaos.checker import Judgement, judge_renditions, judge_sources
from tools.chaos.injections import plan_hits
from tools.chaos.moves import claims, unknown_moves
from tools.chaos.settings import misbehaviour
from tools.chaos.table import HitTable
from tools.chaos.targets import Supervisor
from tools.chaos.watch import StateWatch
from tools.demo.upload import oss_settings
from tools.stack import Stack

REST_SECONDS = 30.0
"""A hit waits so long at most until a conversion has moved since the last one: else all die while they start."""

AIM_AT = 5
FIRST_AIM_SECONDS = 60.0
"""A hit waits so long at most for so many conversions in a state that no hit has found yet."""

AIM_SECONDS = 15.0
PACE = 8.0
"""When all were found, it waits for as many in the state that was hit least often: so long at most, and only while the
hits together have not taken more than PACE seconds each."""

LAST_HITS = 3
"""Before so many hits the last wave begins: they find its runs under way, and the end comes sooner."""

TAIL_SECONDS = 900.0
"""How long the batches may take after the last hit."""

ANSWER_SECONDS = 120.0
"""How long whoever was hit last may take until it can be asked for its account."""

TARGETS = "renditions/"


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Attributes:
        kills: hits altogether.
        files: sources of a wave.
        waves: waves that are under way at a time.
        lost, repeated: shares of the notifications.
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
class Outcome:
    """What came of a run; `restarts` counts processes that ended without being hit."""

    judgement: Judgement = field(default_factory=Judgement)
    table: HitTable = field(default_factory=HitTable)
    manners: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    clears: int = 0
    restarts: Counter[str] = field(default_factory=Counter)


def run(folder: Path, order: Order, say: Callable[[str], None]) -> Outcome:
    """Start everything, break it again and again, and judge.

    Raises:
        StackError: it didn't start.
    """
    outcome = Outcome()
    with chaos_stack(folder, order.seed) as (stack, admin):
        admin.replace(misbehaviour(order.lost, order.repeated))
        stack.airflow.wait_for_dag(DAG_ID)
        say("Airflow and the local cloud are up")
        view = CatalogueView(stack.catalogue_url)
        watch, supervisor = StateWatch(view), Supervisor(stack)
        batches = Batches(stack, order.files, order.waves, say)
        with supervisor.watching(), watch.watching():
            batches.start()
            try:
                _hit_again_and_again(order, supervisor, batches, watch, outcome, say)
                _bring_to_an_end(batches, watch, say)
            finally:
                batches.abandon()
            say("holding the catalogue against the bucket and the service's own account")
            _judge(stack, admin, view, supervisor, batches, outcome.judgement)
        view.close()
    outcome.runs, outcome.clears = len(batches.runs), sum(run.clears for run in batches.runs)
    outcome.restarts = Counter(name for name, _ in supervisor.restarts)
    return outcome


def _hit_again_and_again(
    order: Order,
    supervisor: Supervisor,
    batches: Batches,
    watch: StateWatch,
    outcome: Outcome,
    say: Callable[[str], None],
) -> None:
    began = time.monotonic()
    states: Counter[State] | None = None
    for number, planned in enumerate(plan_hits(order.kills, order.seed, order.longest_stop), start=1):
        if number > order.kills - LAST_HITS:
            batches.enough()
        time.sleep(planned.pause)
        _rest(states, watch)
        now, wanted = time.monotonic(), outcome.table.rarest()
        in_time = min(now + AIM_SECONDS, began + number * PACE)
        states = _aim(wanted, watch, now + FIRST_AIM_SECONDS if wanted in outcome.table.never_hit() else in_time)
        hit = supervisor.hit(planned)
        outcome.table.add(hit.victim, states)
        outcome.manners[planned.manner.value] += 1
        say(f"{number}/{order.kills} {hit.what} of {hit.victim}: {_told(states)}; {len(batches.open_runs())} runs")
    batches.enough()


def _rest(before: Counter[State] | None, watch: StateWatch) -> None:
    """Wait until the counts by state are others than at the last hit, REST_SECONDS at most."""
    deadline = time.monotonic() + REST_SECONDS
    while watch.states() in (before, None) and time.monotonic() < deadline:
        time.sleep(0.1)


def _aim(wanted: State, watch: StateWatch, deadline: float) -> Counter[State] | None:
    """The counts by state once AIM_AT conversions stand in the wanted one, or the last ones there were time for."""
    while True:
        states = watch.states()
        if (states is not None and states[wanted] >= AIM_AT) or time.monotonic() > deadline:
            return states
        time.sleep(0.05)


def _bring_to_an_end(batches: Batches, watch: StateWatch, say: Callable[[str], None]) -> None:
    say("no more hits; waiting for the batches")
    deadline = time.monotonic() + TAIL_SECONDS
    while not batches.ended(timeout=20.0):
        open_runs = ", ".join(f"{run.run_id} {run.state}" for run in batches.open_runs())
        say(f"  {_told(watch.states())}; {open_runs}")
        if time.monotonic() > deadline:
            batches.problems.append(f"not ended {TAIL_SECONDS:.0f} s after the last hit: {open_runs}")
            return


def _told(states: Counter[State] | None) -> str:
    if states is None:
        return "PostgreSQL does not answer"
    return ", ".join(f"{states[state]} {state.value}" for state in State if states[state]) or "no conversions yet"


def _judge(
    stack: Stack,
    admin: AdminClient,
    view: CatalogueView,
    supervisor: Supervisor,
    batches: Batches,
    judgement: Judgement,
) -> None:
    deadline = time.monotonic() + ANSWER_SECONDS
    while (supervisor.standing_still() or not _answers(admin)) and time.monotonic() < deadline:
        time.sleep(0.5)
    admin.clear()
    rows, tasks, moves = view.rows(), list(admin.tasks()), view.moves()
    judgement.problems += batches.problems + supervisor.problems
    judgement.problems += unknown_moves(moves)
    judge_sources(batches.sources, rows, tasks, judgement)
    judge_renditions(rows, view.renditions(), _objects(stack), judgement)
    judge_accounts(
        len(batches.sources), tasks, Troubles(list(admin.faults()), supervisor.hits, claims(moves)), judgement
    )


def _answers(admin: AdminClient) -> bool:
    try:
        admin.state()
    except OSError:
        return False
    return True


def _objects(stack: Stack) -> dict[str, tuple[str, int]]:
    """What stands below the target's prefix: `{key: (etag, bytes)}`."""
    settings = oss_settings(stack)
    bucket = settings.bucket(stack.cloud_settings.bucket)
    found: dict[str, tuple[str, int]] = {}
    token = ""
    while True:
        page = bucket.list_objects_v2(prefix=TARGETS, continuation_token=token, max_keys=1000)
        found |= {one.key: (one.etag.strip('"'), one.size) for one in page.object_list}
        if not page.is_truncated:
            return found
        token = page.next_continuation_token
