"""The cost of one DAG run, step by step: CPU above idle, requests, and the memory of its largest process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from benchmarks.cpu import WORKERS, Sampler
from benchmarks.relay import Requests

TRIGGERER = "triggerer"
COUNTED = (WORKERS, TRIGGERER)
"""The processes whose CPU counts as the product's."""

AFTERWARDS = 2.0
"""Seconds that belong to a run after its end: its last worker still has to exit."""

MIB = 1 << 20


@dataclass
class RunFigures:
    """The cost of one run; CPU in seconds above idle, memory in bytes.

    Attributes:
        files: number of files, by which the figures are divided.
        task_instances: number of the run's task instances.
        wall: seconds from the run's start to its end.
        seconds: wall time by step, from the end of the step before it.
        cpu: CPU by step and process.
        requests: number of requests by step and kind.
        largest: by step, the resident memory of the largest process among the workers.
        idle: CPU a second by process, while nothing ran.
        triggerer_idle: resident memory of the triggerer's processes while nothing ran.
        triggerer_peak: its peak during the run.
    """

    files: int
    task_instances: int
    wall: float
    steps: tuple[str, ...]
    idle: dict[str, float]
    triggerer_idle: int
    triggerer_peak: int
    seconds: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, dict[str, float]] = field(default_factory=dict)
    requests: dict[str, Counter[str]] = field(default_factory=dict)
    largest: dict[str, int] = field(default_factory=dict)

    def cpu_ms(self, steps: Sequence[str], processes: Sequence[str] = COUNTED) -> float:
        """Milliseconds of CPU per file of some steps."""
        return 1000 * sum(self.cpu[step].get(name, 0.0) for step in steps for name in processes) / self.files

    def requests_of(self, steps: Sequence[str]) -> Counter[str]:
        """Sum the requests of some steps."""
        return sum((self.requests[step] for step in steps), Counter())

    def table(self) -> list[str]:
        """Return the steps as lines of text: CPU by process, and the largest worker."""
        names = [*COUNTED, *(name for name in self.idle if name not in COUNTED)]
        head = f"{'CPU above idle, ms per file':<28}" + "".join(f"{name:>17}" for name in names)
        lines = [f"{head}{'largest worker':>17}"]
        lines += [
            f"{f'{step} ({self.seconds[step]:.1f} s)':<28}"
            + "".join(f"{self.cpu_ms((step,), (name,)):>17.2f}" for name in names)
            + f"{self.largest[step] / MIB:>13.0f} MiB"
            for step in self.steps
        ]
        return [*lines, f"{'idle, ms a second':<28}" + "".join(f"{1000 * self.idle[name]:>17.1f}" for name in names)]


def figures_of(
    files: int,
    run: dict[str, Any],
    tasks: Sequence[dict[str, Any]],
    steps: tuple[str, ...],
    sampler: Sampler,
    idle: tuple[float, float],
    requests: Requests,
) -> RunFigures:
    """Compute the cost of a run whose steps follow one another.

    Args:
        files: number of files.
        run: the DAG run as Airflow's API returns it.
        tasks: its task instances, likewise.
        steps: task ids in their order.
        sampler: samples of CPU and memory.
        requests: the requests that passed the relays.
        idle: the period in which nothing ran (seconds since the epoch).
    """
    began, ended = _moment(run["start_date"]), _moment(run["end_date"])
    resident_idle = sampler.resident(TRIGGERER, *idle)
    figures = RunFigures(
        files=files,
        task_instances=len(tasks),
        wall=ended - began,
        steps=steps,
        idle={name: sampler.cpu(name, *idle) / (idle[1] - idle[0]) for name in sampler.names},
        triggerer_idle=sum(resident_idle) // len(resident_idle),
        triggerer_peak=max(sampler.resident(TRIGGERER, began, ended)),
    )
    for step in steps:
        finished = max(_moment(task["end_date"]) for task in tasks if task["task_id"] == step)
        if step == steps[-1]:
            finished = ended + AFTERWARDS
        figures.seconds[step] = finished - began
        figures.cpu[step] = {
            name: sampler.cpu(name, began, finished) - figures.idle[name] * (finished - began) for name in sampler.names
        }
        figures.requests[step] = Counter(requests.between(began, finished))
        figures.largest[step] = max(sampler.largest_worker(began, finished), default=0)
        began = finished
    return figures


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
