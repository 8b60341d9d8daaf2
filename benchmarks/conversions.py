"""Many small conversions through the operator and the sensor, under a real scheduler and triggerer.

What is measured is what the product costs per file, not how fast FFmpeg is: CPU of the workers and of the triggerer,
less what they use idle over the same time. The local cloud, the API server, the scheduler's own process and the
DAG processor are told apart and don't count.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.clips import make_clips
from benchmarks.cpu import WORKERS, Sampler
from benchmarks.relay import HOST, Requests, relays
from include.catalogue import State, open_catalogue
from tools.demo.progress import batch_states
from tools.demo.upload import oss_settings
from tools.stack import CloudEndpoints, Stack, StackError
from tools.stack.environment import Folders, connections
from tools.stack.ports import free_port
from tools.stack.settings import CloudSettings, RunSecrets

DAG_ID = "nightly_audio_batch"
RUN_ID = "benchmark"
TRIGGERER = "triggerer"
COUNTED = (WORKERS, TRIGGERER)
"""Whose CPU is the product's."""

STEPS = ("list", "plan", "convert", "await", "verify", "catalogue", "export", "report")
AWAITED = "await"
"""The step that ends what is called submit to awaited."""

SETTLE = 10.0
"""Seconds after the start until idle use is measured: the DAG processor's first round, the API server's first calls."""

AFTERWARDS = 2.0
"""Seconds that belong to the run after its end: its last worker still has to exit."""

RUN_TIMEOUT = 3600.0
MIB = 1 << 20


@dataclass
class Figures:
    """What one run cost; CPU in seconds above idle, memory in bytes.

    Attributes:
        seconds: wall time by step, from the end of the step before it.
        cpu: CPU by step and process.
        idle: CPU a second by process, while nothing runs.
        requests: by step, of which kind.
    """

    files: int
    published: int
    task_instances: int
    wall: float
    seconds: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, dict[str, float]] = field(default_factory=dict)
    idle: dict[str, float] = field(default_factory=dict)
    requests: dict[str, Counter[str]] = field(default_factory=dict)
    triggerer_idle: int = 0
    triggerer_peak: int = 0

    def of_steps(self, steps: tuple[str, ...], processes: tuple[str, ...] = COUNTED) -> float:
        """Milliseconds of CPU per file of some steps."""
        return 1000 * sum(self.cpu[step].get(name, 0.0) for step in steps for name in processes) / self.files


def measure(files: int, profile: str, idle_seconds: float, say: Callable[[str], None]) -> Figures:
    """Convert `files` clips of one second to one profile in a stack of its own, and tell what it cost.

    Raises:
        StackError: the stack didn't start, or the run failed.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        requests = Requests()
        say("starting the local cloud and Airflow")
        with _stack(Path(folder) / "run", profile, requests) as stack:
            say(f"uploading {files:,} clips of 1 s")
            _upload(stack, files)
            stack.airflow.wait_for_dag(DAG_ID)
            time.sleep(SETTLE)
            roots = {process.name: process.pid for process in stack.processes.recorded()}
            sampler = Sampler(roots)
            with sampler.running():
                say(f"measuring {idle_seconds:.0f} s of idleness")
                idle_began = time.time()
                time.sleep(idle_seconds)
                idle = (idle_began, time.time())
                run = _run(stack, say)
                time.sleep(AFTERWARDS)
            tasks = stack.airflow.task_instances(DAG_ID, RUN_ID)
            published = _published(stack)
        return _figures(files, published, run, tasks, sampler, idle, requests)


@contextmanager
def _stack(run_dir: Path, profile: str, requests: Requests) -> Iterator[Stack]:
    """A stack whose Airflow reaches the local cloud through relays that count."""
    cloud, services = CloudSettings(), ("oss", "smq", "imm")
    ports = {name: (free_port(), free_port()) for name in services}
    counted = CloudEndpoints(**{name: f"http://{HOST}:{ports[name][0]}" for name in services})
    stack = Stack(
        run_dir,
        cloud=cloud,
        cloud_ports=(ports["oss"][1], ports["smq"][1], ports["imm"][1]),
        extra_env={
            **connections(Folders(run_dir.resolve()), RunSecrets.of(run_dir), cloud, counted),
            "OSS_AUDIO_PROFILES": profile,
            # The benchmark triggers its run itself: a new DAG would begin with the run of last night at once.
            "AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False",
        },
    )
    with relays(ports, requests), stack:
        yield stack


def _upload(stack: Stack, files: int) -> None:
    settings, names = oss_settings(stack), stack.cloud_settings
    bucket = settings.bucket(names.bucket, session=settings.session())

    def put(clip: tuple[str, bytes]) -> None:
        bucket.put_object(names.prefix + clip[0], clip[1], headers={"Content-Type": "audio/wav"})

    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(put, make_clips(files)):
            pass


def _run(stack: Stack, say: Callable[[str], None]) -> dict[str, Any]:
    catalogue = open_catalogue(stack.catalogue_url)
    told = [time.monotonic()]

    def watch() -> None:
        stack.processes.require_alive()
        if time.monotonic() - told[0] >= 10:
            told[0] = time.monotonic()
            states = batch_states(catalogue, f"{DAG_ID}/{RUN_ID}")
            say("  " + (", ".join(f"{states[state]} {state.value}" for state in State if states[state]) or "listing"))

    try:
        stack.airflow.trigger(DAG_ID, run_id=RUN_ID)
        say("running " + DAG_ID)
        run = stack.airflow.wait_for_run(DAG_ID, RUN_ID, RUN_TIMEOUT, watch, poll_seconds=1.0)
    finally:
        catalogue.close()
    if run["state"] != "success":
        raise StackError(f"the run is {run['state']}:\n{stack.airflow.explain_failure(DAG_ID, RUN_ID)}")
    return run


def _published(stack: Stack) -> int:
    catalogue = open_catalogue(stack.catalogue_url)
    try:
        return batch_states(catalogue, f"{DAG_ID}/{RUN_ID}")[State.PUBLISHED]
    finally:
        catalogue.close()


def _figures(
    files: int,
    published: int,
    run: dict[str, Any],
    tasks: list[dict[str, Any]],
    sampler: Sampler,
    idle: tuple[float, float],
    requests: Requests,
) -> Figures:
    began, ended = _moment(run["start_date"]), _moment(run["end_date"])
    resident_idle = sampler.resident(TRIGGERER, *idle)
    figures = Figures(
        files=files,
        published=published,
        task_instances=len(tasks),
        wall=ended - began,
        idle={name: sampler.cpu(name, *idle) / (idle[1] - idle[0]) for name in sampler.names},
        triggerer_idle=sum(resident_idle) // len(resident_idle),
        triggerer_peak=max(sampler.resident(TRIGGERER, began, ended)),
    )
    for step in STEPS:
        finished = max(_moment(task["end_date"]) for task in tasks if task["task_id"] == step)
        if step == STEPS[-1]:
            finished = ended + AFTERWARDS
        figures.seconds[step] = finished - began
        figures.cpu[step] = {
            name: sampler.cpu(name, began, finished) - figures.idle[name] * (finished - began) for name in sampler.names
        }
        figures.requests[step] = Counter(requests.between(began, finished))
        began = finished
    return figures


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def summary(figures: Figures) -> list[str]:
    """The figures as lines of text, a table of the steps among them."""
    awaited = STEPS[: STEPS.index(AWAITED) + 1]
    rest = STEPS[len(awaited) :]
    names = [*COUNTED, *(name for name in figures.idle if name not in COUNTED)]
    lines = [
        f"{figures.files:,} conversions, {figures.published:,} published, {figures.task_instances} task instances, "
        f"{figures.wall:.0f} s from the run's start to its end",
        "",
        f"{'CPU above idle, ms per conversion':<34}" + "".join(f"{name:>17}" for name in names),
    ]
    lines += [
        f"{step + f' ({figures.seconds[step]:.1f} s)':<34}"
        + "".join(f"{figures.of_steps((step,), (name,)):>17.2f}" for name in names)
        for step in STEPS
    ]
    lines += [
        f"{'idle, ms a second':<34}" + "".join(f"{1000 * figures.idle[name]:>17.1f}" for name in names),
        "",
        f"submit to awaited ({', '.join(awaited)}): {figures.of_steps(awaited):.2f} ms of CPU per conversion",
        f"verify and publish ({', '.join(rest)}): {figures.of_steps(rest):.2f} ms of CPU per conversion",
        f"all: {figures.of_steps(STEPS):.2f} ms of CPU per conversion (workers and triggerer, less their idle use)",
        f"triggerer: {figures.triggerer_idle / MIB:.0f} MiB resident idle, "
        f"{(figures.triggerer_peak - figures.triggerer_idle) / MIB:.0f} MiB more at its peak",
        "",
    ]
    for title, steps in (("submit to awaited", awaited), ("verify and publish", rest)):
        kinds: Counter[str] = Counter()
        for step in steps:
            kinds += figures.requests[step]
        told = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        lines.append(f"requests, {title}: {kinds.total() / figures.files:.3f} per conversion ({told})")
    return lines


def as_json(figures: Figures) -> dict[str, float]:
    """The figures that have a target, by name."""
    awaited = STEPS[: STEPS.index(AWAITED) + 1]
    return {
        "files": figures.files,
        "published": figures.published,
        "task_instances": figures.task_instances,
        "cpu_ms_submit_to_awaited": round(figures.of_steps(awaited), 2),
        "cpu_ms_verify_and_publish": round(figures.of_steps(STEPS[len(awaited) :]), 2),
        "cpu_ms": round(figures.of_steps(STEPS), 2),
        "triggerer_mib_above_idle": round((figures.triggerer_peak - figures.triggerer_idle) / MIB, 1),
    }
