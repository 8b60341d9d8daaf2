"""The run: batches work, somebody is hit at random moments, and at the end everything is held against everything."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from include.catalogue import ACTIVE, State
from include.local_cloud.misbehaviour.client import AdminClient
from tools.chaos.batches import DAG_ID, Batches
from tools.chaos.catalogue_view import CatalogueView
from tools.chaos.judgement import Judgement, judge_accounts, judge_renditions, judge_sources
from tools.chaos.settings import SOONER, misbehaviour, shorter_timeouts
from tools.chaos.victims import VICTIMS, Supervisor
from tools.demo.upload import oss_settings
from tools.stack import CloudEndpoints, CloudSettings, Stack
from tools.stack.environment import Folders, connections
from tools.stack.ports import HOST, free_port
from tools.stack.settings import RunSecrets

SHARE_OF_STOPS = 0.3
PAUSE = (3.0, 12.0)
STANDSTILL = (2.0, 30.0)
"""Seconds between two hits, and of a SIGSTOP: some outlast leases and heartbeats, some don't."""

REST_SECONDS = 45.0
"""A hit waits so long at most until a conversion has moved since the last one: else all die while they start."""

AIM_SECONDS = 12.0
"""A hit waits so long at most for a conversion in the state it aims at."""

TAIL_SECONDS = 900.0
"""How long the batches may take after the last hit."""

TARGETS = "renditions/"


@dataclass(frozen=True)
class Order:
    """What is asked for."""

    kills: int
    seed: int
    files: int
    lost: float
    repeated: float


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        hit: hits by state in which at least one conversion stood.
        restarts: processes that ended without being hit.
    """

    judgement: Judgement
    hit: Counter[State]
    victims: Counter[str]
    runs: int
    clears: int
    restarts: Counter[str]


def run(folder: Path, order: Order, say: Callable[[str], None]) -> Outcome:
    """Start everything, break it again and again, and judge.

    Raises:
        StackError: it didn't start.
    """
    admin_port = free_port()
    with _stack(folder, order, admin_port) as stack:
        admin = AdminClient(f"http://{HOST}:{admin_port}")
        admin.replace(misbehaviour(order.lost, order.repeated))
        stack.airflow.wait_for_dag(DAG_ID)
        say("Airflow and the local cloud are up")
        view = CatalogueView(stack.catalogue_url)
        supervisor, batches = Supervisor(stack), Batches(stack, order.files, say)
        outcome = Outcome(Judgement(), Counter(), Counter(), 0, 0, Counter())
        with supervisor.watching():
            batches.start()
            try:
                _hit_again_and_again(order, supervisor, batches, view, outcome, say)
                batches.enough()
                _bring_to_an_end(batches, view, say)
            finally:
                batches.abandon()
            say("holding the catalogue against the bucket and the service's own account")
            _judge(stack, admin, view, supervisor, batches, outcome.judgement)
        view.close()
    outcome.runs, outcome.clears = len(batches.runs), sum(run.clears for run in batches.runs)
    outcome.restarts = Counter(name for name, _ in supervisor.restarts)
    return outcome


@contextmanager
def _stack(folder: Path, order: Order, admin_port: int) -> Iterator[Stack]:
    run_dir, cloud = folder.resolve() / "run", CloudSettings()
    ports = (free_port(), free_port(), free_port())
    endpoints = CloudEndpoints(*(f"http://{HOST}:{port}" for port in ports))
    known = connections(Folders(run_dir), RunSecrets.of(run_dir), cloud, endpoints)
    stack = Stack(
        run_dir,
        cloud=cloud,
        cloud_ports=ports,
        dags_folder=Path(__file__).with_name("dags"),
        celery=True,
        extra_env={
            **SOONER,
            "AIRFLOW_CONN_OSS_DEFAULT": shorter_timeouts(known["AIRFLOW_CONN_OSS_DEFAULT"]),
            "LOCAL_CLOUD_ADMIN_PORT": str(admin_port),
            "LOCAL_CLOUD_SEED": str(order.seed),
        },
    )
    with stack:
        yield stack


def _hit_again_and_again(
    order: Order,
    supervisor: Supervisor,
    batches: Batches,
    view: CatalogueView,
    outcome: Outcome,
    say: Callable[[str], None],
) -> None:
    chance = random.Random(order.seed)
    states: Counter[State] | None = None
    for number in range(1, order.kills + 1):
        time.sleep(chance.uniform(*PAUSE))
        _rest(states, view)
        states = _aim(chance.choice(sorted(ACTIVE)), view)
        victim, still = chance.choice(VICTIMS), supervisor.standing_still()
        if victim not in still and chance.random() < SHARE_OF_STOPS:
            seconds = chance.uniform(*STANDSTILL)
            what = f"SIGSTOP for {seconds:.0f} s"
            supervisor.stop(victim, seconds)
        else:
            what = "kill -9"
            supervisor.kill(victim)
        outcome.victims[victim] += 1
        outcome.hit.update(state for state, count in (states or Counter()).items() if count)
        say(f"{number}/{order.kills} {what} of {victim}: {_told(states)}; {len(batches.open_runs())} runs")


def _rest(before: Counter[State] | None, view: CatalogueView) -> None:
    """Wait until the counts by state are others than at the last hit, REST_SECONDS at most."""
    deadline = time.monotonic() + REST_SECONDS
    while view.states() in (before, None) and time.monotonic() < deadline:
        time.sleep(0.2)


def _aim(wanted: State, view: CatalogueView) -> Counter[State] | None:
    """The counts by state once something stands in the wanted one, or the last ones there were time for."""
    deadline = time.monotonic() + AIM_SECONDS
    while True:
        states = view.states()
        if states is None or states[wanted] or time.monotonic() > deadline:
            return states
        time.sleep(0.1)


def _bring_to_an_end(batches: Batches, view: CatalogueView, say: Callable[[str], None]) -> None:
    say("no more hits; waiting for the batches")
    deadline = time.monotonic() + TAIL_SECONDS
    while not batches.ended(timeout=20.0):
        open_runs = ", ".join(f"{run.run_id} {run.state}" for run in batches.open_runs())
        say(f"  {_told(view.states())}; {open_runs}")
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
    while supervisor.standing_still():
        time.sleep(0.5)
    admin.clear()
    rows, tasks = view.rows(), list(admin.tasks())
    judgement.problems += batches.problems
    judge_sources(batches.sources, rows, tasks, judgement)
    judge_renditions(rows, view.renditions(), _objects(stack), judgement)
    judge_accounts(rows, tasks, admin.faults(), supervisor.hits, judgement)


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
