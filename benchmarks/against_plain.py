"""The nightly batch and a plain DAG (one mapped task per file) over the same files, in the same stack.

Conversions are instant on both sides, so the difference is the work of Airflow. The plain DAG meets the best case: the
outputs are there at the first poke of its sensors.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import conversions
from benchmarks.airflow_stack import Say, Workload, airflow_stack, run_dag
from benchmarks.conversions import SUBMIT_TO_AWAITED, be_idle, run_nightly_batch
from benchmarks.cpu import Sampler
from benchmarks.relay import Requests
from benchmarks.run_figures import AFTERWARDS, RunFigures, figures_of
from oss_audio_core.audio_convert import load_profiles
from oss_audio_core.oss.sdk import load_oss2
from tools.demo.upload import oss_settings
from tools.stack import Stack, StackError
from tools.stack.settings import PROJECT_ROOT, CloudSettings

PLAIN_DAG = Path(__file__).with_name("plain_dag") / "plain_conversions.py"
DAG_ID = "plain_conversions"
STEPS = ("list_sources", "submit", "wait")
RENDITIONS = "plain/"

DEFAULT_MAP_LENGTH = 1024
"""Airflow's default of `[core] max_map_length`."""

TIMEOUT = 600.0
TIMEOUT_PER_FILE = 10.0


@dataclass
class Figures:
    """The figures of both runs."""

    nightly: conversions.Figures
    plain: RunFigures

    @property
    def ratio(self) -> float:
        """CPU per file of the plain DAG, divided by that of the nightly batch from submit to awaited."""
        return self.plain.cpu_ms(STEPS) / self.nightly.run.cpu_ms(SUBMIT_TO_AWAITED)


def measure(workload: Workload, plain_files: int, idle_seconds: float, say: Say) -> Figures:
    """Convert clips by the nightly batch, then the first `plain_files` of them by the plain DAG.

    Raises:
        StackError: the stack didn't start, a run failed, or an output is missing.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        requests, dags = Requests(), Path(folder) / "dags"
        dags.mkdir()
        for dag in (PROJECT_ROOT / "dags" / f"{conversions.DAG_ID}.py", PLAIN_DAG):
            shutil.copy(dag, dags)
        with airflow_stack(Path(folder), workload, requests, say, plain_settings(workload, plain_files), dags) as stack:
            for dag_id in (conversions.DAG_ID, DAG_ID):
                stack.airflow.wait_for_dag(dag_id)
            sampler = Sampler.of_stack(stack)
            with sampler.running():
                idle = be_idle(idle_seconds, say)
                nightly = run_nightly_batch(stack, workload, sampler, idle, requests, say)
                plain = _run_plain(stack, plain_files, sampler, idle, requests, say)
            return Figures(nightly, plain)


def plain_settings(workload: Workload, plain_files: int) -> dict[str, str]:
    """Return the environment of the plain DAG."""
    cloud = CloudSettings()
    return {
        "AIRFLOW__CORE__MAX_MAP_LENGTH": str(max(DEFAULT_MAP_LENGTH, plain_files)),
        "PLAIN_REGION": cloud.region,
        "PLAIN_BUCKET": cloud.bucket,
        "PLAIN_SOURCES": cloud.prefix,
        "PLAIN_RENDITIONS": RENDITIONS,
        "PLAIN_CONVERT": load_profiles()[workload.profile].convert.render(),
    }


def _run_plain(
    stack: Stack, files: int, sampler: Sampler, idle: tuple[float, float], requests: Requests, say: Say
) -> RunFigures:
    def progress() -> str:
        return f"{_outputs(stack):,} converted, {_ended(stack, 'wait'):,} seen by a sensor"

    timeout = TIMEOUT + TIMEOUT_PER_FILE * files
    run = run_dag(stack, DAG_ID, conversions.RUN_ID, say, progress, timeout=timeout, conf={"limit": files})
    time.sleep(AFTERWARDS)
    if (made := _outputs(stack)) != files:
        raise StackError(f"{made} of {files} outputs are there: the plain DAG is broken")
    tasks = stack.airflow.task_instances(DAG_ID, conversions.RUN_ID)
    return figures_of(files, run, tasks, STEPS, sampler, idle, requests)


def _outputs(stack: Stack) -> int:
    """Count the outputs of the plain DAG, without the relays."""
    bucket = oss_settings(stack).bucket(stack.cloud_settings.bucket)
    return sum(1 for _ in load_oss2().ObjectIteratorV2(bucket, prefix=RENDITIONS, max_keys=1000))


def _ended(stack: Stack, task_id: str) -> int:
    return stack.airflow.count_task_instances(DAG_ID, conversions.RUN_ID, task_id, "success")


def summary(figures: Figures) -> list[str]:
    """Return both runs and their ratio as lines of text."""
    plain, nightly = figures.plain, figures.nightly.run
    scaled = "" if plain.files == nightly.files else f" (measured with {plain.files:,} of the {nightly.files:,} files)"
    return [
        *conversions.summary(figures.nightly),
        "",
        f"plain DAG: {plain.files:,} files, {plain.task_instances:,} task instances, {plain.wall:.0f} s from the run's "
        "start to its end",
        "",
        *plain.table(),
        "",
        f"plain DAG, submit to awaited: {plain.cpu_ms(STEPS):.0f} ms of CPU per file{scaled}, "
        f"{plain.requests_of(STEPS).total() / plain.files:.3f} requests per file",
        f"nightly batch, submit to awaited: {nightly.cpu_ms(SUBMIT_TO_AWAITED):.2f} ms of CPU per file",
        f"ratio: {figures.ratio:.0f}",
    ]


def as_json(figures: Figures) -> dict[str, float]:
    """Return the figures that have a target, by name."""
    return {
        **conversions.as_json(figures.nightly),
        "plain_files": figures.plain.files,
        "plain_cpu_ms": round(figures.plain.cpu_ms(STEPS), 1),
        "plain_seconds": round(figures.plain.wall, 1),
        "ratio": round(figures.ratio, 1),
    }
