"""Many small conversions through the nightly batch, under a real scheduler and triggerer.

The figure is the product's cost per file, not the speed of FFmpeg: CPU of the workers and of the triggerer, less their
idle use over the same time. The local cloud, the API server, the scheduler's own process and the DAG processor are
shown separately and don't count.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.airflow_stack import SETTLE, Say, Workload, airflow_stack, run_dag
from benchmarks.cpu import Sampler
from benchmarks.relay import Requests
from benchmarks.run_figures import AFTERWARDS, MIB, RunFigures, figures_of
from oss_audio_core.catalogue import State, open_catalogue
from tools.demo.progress import batch_states
from tools.stack import Stack

DAG_ID = "nightly_audio_batch"
RUN_ID = "benchmark"

STEPS = ("list", "plan", "shard.convert", "shard.await", "shard.verify", "shard.publish", "export", "report")
SUBMIT_TO_AWAITED = STEPS[: STEPS.index("shard.await") + 1]
AFTER_THAT = STEPS[len(SUBMIT_TO_AWAITED) :]

TIMEOUT = 1800.0
TIMEOUT_PER_FILE = 0.3
"""Seconds that a run may take."""


@dataclass
class Figures:
    """The cost of one run, and the number of renditions that it published."""

    workload: Workload
    published: int
    run: RunFigures


def measure(workload: Workload, idle_seconds: float, say: Say) -> Figures:
    """Convert clips to one profile in a stack of its own, and measure the cost.

    Raises:
        StackError: the stack didn't start, or the run failed.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        requests = Requests()
        with airflow_stack(Path(folder), workload, requests, say) as stack:
            stack.airflow.wait_for_dag(DAG_ID)
            sampler = Sampler.of_stack(stack)
            with sampler.running():
                idle = be_idle(idle_seconds, say)
                return run_nightly_batch(stack, workload, sampler, idle, requests, say)


def be_idle(seconds: float, say: Say) -> tuple[float, float]:
    """Wait until the stack is idle, then for `seconds` more.

    Returns:
        Begin and end of that period, in seconds since the epoch.
    """
    time.sleep(SETTLE)
    say(f"measuring {seconds:.0f} s of idleness")
    began = time.time()
    time.sleep(seconds)
    return began, time.time()


def run_nightly_batch(
    stack: Stack, workload: Workload, sampler: Sampler, idle: tuple[float, float], requests: Requests, say: Say
) -> Figures:
    """Run the nightly batch once over all uploaded clips."""
    catalogue = open_catalogue(stack.catalogue_url)
    try:

        def progress() -> str:
            states = batch_states(catalogue, f"{DAG_ID}/{RUN_ID}")
            return ", ".join(f"{states[state]:,} {state.value}" for state in State if states[state]) or "listing"

        timeout = TIMEOUT + TIMEOUT_PER_FILE * workload.files
        run = run_dag(stack, DAG_ID, RUN_ID, say, progress, timeout=timeout)
        published = batch_states(catalogue, f"{DAG_ID}/{RUN_ID}")[State.PUBLISHED]
    finally:
        catalogue.close()
    time.sleep(AFTERWARDS)
    tasks = stack.airflow.task_instances(DAG_ID, RUN_ID)
    return Figures(workload, published, figures_of(workload.files, run, tasks, STEPS, sampler, idle, requests))


def summary(figures: Figures) -> list[str]:
    """Return the figures as lines of text, with a table of the steps."""
    workload, run = figures.workload, figures.run
    lines = [
        f"{workload.files:,} conversions of {workload.seconds:g} s to {workload.profile}"
        f"{' (instant)' if workload.instant else ''}, verified {workload.verify}: {figures.published:,} published, "
        f"{run.task_instances} task instances, {run.wall:.0f} s from the run's start to its end",
        "",
        *run.table(),
        "",
        f"submit to awaited ({', '.join(SUBMIT_TO_AWAITED)}): {run.cpu_ms(SUBMIT_TO_AWAITED):.2f} ms of CPU per file",
        f"verify and publish ({', '.join(AFTER_THAT)}): {run.cpu_ms(AFTER_THAT):.2f} ms of CPU per file",
        f"all: {run.cpu_ms(STEPS):.2f} ms of CPU per file (workers and triggerer, less their idle use)",
        f"triggerer: {run.triggerer_idle / MIB:.0f} MiB resident idle, "
        f"{(run.triggerer_peak - run.triggerer_idle) / MIB:.0f} MiB more at its peak",
        "",
    ]
    for title, steps in (("submit to awaited", SUBMIT_TO_AWAITED), ("verify and publish", AFTER_THAT)):
        kinds = run.requests_of(steps)
        counts = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        lines.append(f"requests, {title}: {kinds.total() / run.files:.3f} per file ({counts})")
    return lines


def as_json(figures: Figures) -> dict[str, float]:
    """Return the figures that have a target, by name."""
    run = figures.run
    return {
        "files": run.files,
        "published": figures.published,
        "task_instances": run.task_instances,
        "seconds": round(run.wall, 1),
        "cpu_ms_submit_to_awaited": round(run.cpu_ms(SUBMIT_TO_AWAITED), 2),
        "cpu_ms_verify_and_publish": round(run.cpu_ms(AFTER_THAT), 2),
        "cpu_ms": round(run.cpu_ms(STEPS), 2),
        "requests_submit_to_awaited": round(run.requests_of(SUBMIT_TO_AWAITED).total() / run.files, 3),
        "requests": round(run.requests_of(STEPS).total() / run.files, 3),
        "largest_worker_mib": round(max(run.largest.values()) / MIB),
        "triggerer_mib_above_idle": round((run.triggerer_peak - run.triggerer_idle) / MIB, 1),
    }
