"""Many shards that wait in one triggerer: the lag of its event loop, and its memory.

This process plans and submits the shards with the product's own steps. The product's sensor then waits for each of them
and defers: one trigger a shard, all in one triggerer, which is killed and restarted once. The local cloud delays every
conversion for some time, so that messages come all the time and every shard waits until nearly the end.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from benchmarks.clips import make_clips
from benchmarks.cpu import Sampler
from benchmarks.loop_lag import Lags, read_lags
from benchmarks.relay import HOST, Requests, relays
from oss_audio_core.catalogue import Catalogue, batches, open_catalogue
from oss_audio_core.catalogue.schema import batch_conversion
from oss_audio_core.pipeline.batch_request import BatchRequest
from oss_audio_core.pipeline.listing import list_sources
from oss_audio_core.pipeline.planning import plan_batch
from oss_audio_core.pipeline.submitting.options import SubmitOptions
from oss_audio_core.pipeline.submitting.shard_submitter import submit_shard
from oss_local_cloud.fault_injection.admin_client import AdminClient
from oss_local_cloud.fault_injection.durations import Uniform
from oss_local_cloud.fault_injection.rules import Instant, Lost, Slow
from tools.demo.upload import oss_settings
from tools.stack import CloudEndpoints, Stack, StackError
from tools.stack.components import TRIGGERER
from tools.stack.environment import Folders, connections
from tools.stack.ports import free_port
from tools.stack.settings import CloudSettings, RunSecrets

WAIT_DAG, LAG_DAG, RUN_ID = "waiting_shards", "loop_lag", "benchmark"
PROFILE = "mobile-mp3"
RUNS = 2
"""Batches that the shards belong to, as with two runs at the same time."""

SETTLE = 10.0
"""Seconds after a start of the triggerer that count neither as idle nor as waiting."""
IDLE = 20.0
"""Seconds for which the idle triggerer is measured."""

WATCHED = 45.0
"""Seconds for which waiting and then polling are measured, before the triggerer is killed."""

RESTARTED = 30.0
"""Seconds that count as its restart, from the first line of the new triggerer's probe."""

ASK_AFTER = 30.0
"""Seconds without a message after which a shard asks the service; the DAG has the same value."""

MIN_DELAY = 60.0
"""Seconds by which every conversion is delayed at least."""

TIMEOUT = 1800.0
MIB = 1 << 20


@dataclass
class Figures:
    """Figures of the triggerer: memory in bytes, CPU in seconds a second and requests a minute by phase.

    Attributes:
        lags: by phase: `idle`, `deferring` (shards come one by one), `waiting` (all are there, and messages come),
            `polling` (all messages are lost, every shard asks), `restarted` (all begin at once after a kill),
            `ending` (messages until the last shard is done).
        warnings: how often Airflow found the loop blocked for more than 0.2 s.
    """

    shards: int
    conversions: int
    lags: dict[str, Lags] = field(default_factory=dict)
    idle: int = 0
    peak: int = 0
    cpu: dict[str, float] = field(default_factory=dict)
    requests: dict[str, dict[str, float]] = field(default_factory=dict)
    warnings: int = 0


def measure(shards: int, each: int, longest: float, say: Callable[[str], None]) -> Figures:
    """Let shards wait at the same time.

    Args:
        shards: how many wait.
        each: conversions of each shard.
        longest: seconds that a conversion lasts at most.
        say: prints a line of progress.

    Raises:
        StackError: the stack didn't start, a wait failed, or not all shards were waiting at the same time.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder, requests, admin_port = Path(name), Requests(), free_port()
        say("starting the local cloud and Airflow")
        with _stack(folder / "run", requests, admin_port) as stack:
            admin = AdminClient(f"http://{HOST}:{admin_port}")
            admin.replace([Slow(seconds=Uniform(low=MIN_DELAY, high=longest)), Instant()])
            figures = Figures(shards, shards * each)
            return _Phases(stack, admin, requests, folder / "lags.jsonl", figures, say).run(each)


@contextmanager
def _stack(run_dir: Path, requests: Requests, admin_port: int) -> Iterator[Stack]:
    """Run a stack with the benchmark's DAGs, whose Airflow reaches the local cloud through counting relays."""
    cloud, services = CloudSettings(), ("oss", "smq", "imm")
    ports = {name: (free_port(), free_port()) for name in services}
    counted = CloudEndpoints(**{name: f"http://{HOST}:{ports[name][0]}" for name in services})
    stack = Stack(
        run_dir,
        cloud=cloud,
        cloud_ports=(ports["oss"][1], ports["smq"][1], ports["imm"][1]),
        dags_folder=Path(__file__).with_name("dags"),
        extra_env={
            **connections(Folders(run_dir.resolve()), RunSecrets.of(run_dir), cloud, counted),
            "LOCAL_CLOUD_ADMIN_PORT": str(admin_port),
        },
    )
    with relays(ports, requests), stack:
        yield stack


class _Phases:
    """The phases, one after the other."""

    def __init__(
        self,
        stack: Stack,
        admin: AdminClient,
        requests: Requests,
        lags: Path,
        figures: Figures,
        say: Callable[[str], None],
    ) -> None:
        self._stack = stack
        self._admin = admin
        self._requests = requests
        self._lags = lags
        self._figures = figures
        self._say = say

    def run(self, each: int) -> Figures:
        figures, airflow = self._figures, self._stack.airflow
        for dag_id in (LAG_DAG, WAIT_DAG):
            airflow.wait_for_dag(dag_id)
        time.sleep(SETTLE)
        airflow.trigger(LAG_DAG, {"file": str(self._lags)}, RUN_ID)
        self._wait_for_probe(since=0.0)
        with self._sampling() as sampler:
            time.sleep(SETTLE)
            self._say(f"measuring {IDLE:.0f} s of an idle triggerer")
            began = time.time()
            time.sleep(IDLE)
            figures.idle = _mean(sampler.resident(TRIGGERER, began, time.time()))
            figures.cpu["idle"] = sampler.cpu(TRIGGERER, began, time.time()) / IDLE
            self._phase("idle", began)
            handles = self._submit(each)
            began = time.time()
            airflow.trigger(WAIT_DAG, {"shards": handles}, RUN_ID)
            self._wait_until_all_wait()
            self._phase("deferring", began)
            self._watch("waiting", sampler)
            self._say("from now on every message is lost")
            lost = self._admin.add(Lost())
            time.sleep(ASK_AFTER)
            self._watch("polling", sampler)
            self._admin.remove(lost)
            figures.peak = max(sampler.resident(TRIGGERER, began, time.time()))
        self._kill_triggerer()
        with self._sampling() as sampler:
            began = self._wait_for_probe(since=time.time())
            time.sleep(RESTARTED)
            self._phase("restarted", began)
            began = time.time()
            run = airflow.wait_for_run(WAIT_DAG, RUN_ID, TIMEOUT, self._stack.processes.require_alive, 2.0)
            self._phase("ending", began)
            figures.peak = max(figures.peak, *sampler.resident(TRIGGERER, 0.0, time.time()))
        if run["state"] != "success":
            raise StackError(f"the run is {run['state']}:\n{airflow.explain_failure(WAIT_DAG, RUN_ID)}")
        log = self._stack.processes.logs / f"{TRIGGERER}.log"
        figures.warnings = log.read_text(errors="replace").count("async thread was blocked")
        return figures

    def _watch(self, phase: str, sampler: Sampler) -> None:
        """Measure a phase in which all shards wait."""
        began = time.time()
        time.sleep(WATCHED)
        self._wait_until_all_wait()
        ended = time.time()
        self._phase(phase, began)
        self._figures.cpu[phase] = sampler.cpu(TRIGGERER, began, ended) / (ended - began)
        kinds = Counter(self._requests.between(began, ended))
        self._figures.requests[phase] = {kind: 60 * count / (ended - began) for kind, count in sorted(kinds.items())}

    def _submit(self, each: int) -> list[dict[str, Any]]:
        """Upload, list, plan and submit; return the handles of all shards."""
        settings, names = oss_settings(self._stack), self._stack.cloud_settings
        bucket = settings.bucket(names.bucket, session=settings.session())
        clip = next(make_clips(1))[1]
        keys = [f"run-{run}/{number:06d}.wav" for run in range(RUNS) for number in range(self._count(run) * each)]
        self._say(f"uploading {len(keys):,} clips")
        with ThreadPoolExecutor(4) as pool:
            for _ in pool.map(lambda key: bucket.put_object(key, clip), keys):
                pass
        handles: list[dict[str, Any]] = []
        catalogue = open_catalogue(self._stack.catalogue_url)
        try:
            planned = [(self._plan(catalogue, bucket, run, each), self._count(run)) for run in range(RUNS)]
            self._say(f"submitting {len(keys):,} conversions")
            for batch, shards in planned:
                for shard in range(shards):
                    submit_shard(catalogue, settings, batch.id, shard, SubmitOptions(topic=names.topic, concurrency=4))
                    handles.append({"batch": batch.id, "uid": batch.uid, "shard": shard})
        finally:
            catalogue.close()
        return handles

    def _plan(self, catalogue: Catalogue, bucket: Any, run: int, each: int) -> batches.Batch:
        request = BatchRequest(self._stack.cloud_settings.bucket, (f"run-{run}/",), profiles=(PROFILE,))
        with catalogue.write() as connection:
            batch = batches.open_batch(connection, f"{WAIT_DAG}/run-{run}", request.to_json())
        list_sources(catalogue, bucket, request.selection(), batch.id)
        plan_batch(catalogue, request.selection(), request.specs(), batch.id)
        with catalogue.write() as connection:  # smaller shards than the planner makes
            mine = sa.update(batch_conversion).where(batch_conversion.c.batch_id == batch.id)
            connection.execute(mine.values(shard=batch_conversion.c.ordinal // sa.literal(each)))
        return batch

    def _count(self, run: int) -> int:
        """Return the number of shards that belong to a run."""
        return self._figures.shards // RUNS + (run < self._figures.shards % RUNS)

    def _wait_until_all_wait(self) -> None:
        """Wait until every shard has its trigger in the one triggerer."""
        deadline, wanted = time.monotonic() + TIMEOUT, self._figures.shards
        printed = 0.0
        while True:
            tasks = [ti for ti in self._stack.airflow.task_instances(WAIT_DAG, RUN_ID) if ti["task_id"] == "await"]
            waiting = [ti for ti in tasks if ti["state"] == "deferred" and ti["trigger"]["triggerer_id"] is not None]
            if len(waiting) == wanted and len({ti["trigger"]["triggerer_id"] for ti in waiting}) == 1:
                return
            over = [ti for ti in tasks if ti["state"] in {"success", "failed"}]
            if over or time.monotonic() > deadline:
                raise StackError(
                    f"{len(waiting)} of {wanted} shards were waiting when {len(over)} had ended; take a longer --rest"
                )
            if time.monotonic() - printed >= 10:
                printed = time.monotonic()
                self._say(f"  {len(waiting)} of {wanted} shards are waiting")
            time.sleep(2.0)

    def _kill_triggerer(self) -> None:
        self._say("killing the triggerer")
        (triggerer,) = [one for one in self._stack.processes.recorded() if one.name == TRIGGERER]
        family = [psutil.Process(triggerer.pid), *psutil.Process(triggerer.pid).children(recursive=True)]
        for process in family:
            process.kill()
        psutil.wait_procs(family, timeout=10)
        self._stack.restart_component(TRIGGERER)

    def _wait_for_probe(self, since: float) -> float:
        """Wait for a line of the probe; return its time."""
        deadline = time.monotonic() + TIMEOUT
        while not (self._lags.exists() and self._lags.stat().st_mtime > since):
            if time.monotonic() > deadline:
                raise StackError("the probe of the event loop does not run")
            time.sleep(0.5)
        return self._lags.stat().st_mtime - 1.0

    @contextmanager
    def _sampling(self) -> Iterator[Sampler]:
        roots = {one.name: one.pid for one in self._stack.processes.recorded() if one.name == TRIGGERER}
        sampler = Sampler(roots)
        with sampler.running():
            yield sampler

    def _phase(self, name: str, began: float) -> None:
        self._figures.lags[name] = read_lags(self._lags, began, time.time())
        self._say(f"{name}: {self._figures.lags[name]}")


def _mean(values: list[int]) -> int:
    return sum(values) // len(values)


def summary(figures: Figures) -> list[str]:
    """Return the figures as lines of text."""
    cpu = ", ".join(f"{1000 * used:.0f} {phase}" for phase, used in figures.cpu.items())
    requests = [
        f"requests a minute, {phase}: " + ", ".join(f"{count:.0f} {kind}" for kind, count in kinds.items())
        for phase, kinds in figures.requests.items()
    ]
    return [
        f"{figures.shards} shards with {figures.conversions:,} conversions, waiting in one triggerer",
        "",
        f"{'lag of its event loop':<24}{'p50':>10}{'p99':>10}{'longest':>10}",
        *(
            f"{phase:<24}" + "".join(f"{1000 * lag:>7.1f} ms" for lag in (lags.p50, lags.p99, lags.longest))
            for phase, lags in figures.lags.items()
        ),
        "",
        f"resident memory: {figures.idle / MIB:.0f} MiB idle, "
        f"{(figures.peak - figures.idle) / MIB:.0f} MiB more at its peak",
        f"CPU of the triggerer, ms a second: {cpu}",
        *requests,
        f"Airflow found the loop blocked for more than 0.2 s: {figures.warnings} times",
    ]


def as_json(figures: Figures) -> dict[str, float]:
    """Return the figures that have a target, by name."""
    found: dict[str, float] = {
        "shards": figures.shards,
        "conversions": figures.conversions,
        "mib_above_idle": round((figures.peak - figures.idle) / MIB, 1),
    }
    for phase, lags in figures.lags.items():
        found[f"p99_ms_{phase.replace(' ', '_')}"] = round(1000 * lags.p99, 1)
    return found
