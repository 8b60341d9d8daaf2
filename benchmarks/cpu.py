"""CPU time and memory of process trees, sampled while they work.

A task of Airflow runs in a process that its worker forks and reaps, so most of a tree's CPU time belongs to processes
that are gone. The kernel adds the time of a reaped child, including the children that it had reaped itself, to its
parent's `children_user` and `children_system`. A tree's total is the sum of all four over the remaining processes.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Self

import psutil

from tools.stack import Stack

INTERVAL = 0.25
"""Seconds between two samples."""

SCHEDULER_ITSELF = "scheduler itself"
WORKERS = "workers"


@dataclass(frozen=True)
class Usage:
    """The use of a process tree: seconds of CPU since it began, bytes of resident memory now.

    `largest` is the resident memory of the largest process below the root.
    """

    own: float
    descendants: float
    resident: int
    largest: int

    @property
    def total(self) -> float:
        """Seconds of CPU of the whole tree."""
        return self.own + self.descendants


def usage(pid: int) -> Usage:
    """Measure the process `pid` and all its descendants, the reaped ones included.

    Every process is read after its parent, so that nothing is counted twice. A process that is reaped between the two
    readings is missing from this one reading; the next one has it.
    """
    root = psutil.Process(pid)
    times = root.cpu_times()
    own = times.user + times.system
    descendants = times.children_user + times.children_system
    resident, largest = root.memory_info().rss, 0
    for child in root.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found = child.cpu_times()
            descendants += found.user + found.system + found.children_user + found.children_system
            here = child.memory_info().rss
            resident, largest = resident + here, max(largest, here)
    return Usage(own, descendants, resident, largest)


class Sampler:
    """Samples several trees in a thread of its own, for as long as its `running` block lasts.

    Args:
        roots: process ids by name. The tree named `scheduler` is split: LocalExecutor's workers are its children.
    """

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = dict(roots)
        self._times: list[float] = []
        self._cpu: dict[str, list[float]] = {}
        self._resident: dict[str, list[int]] = {}
        self._largest_worker: list[int] = []
        self._ended = Event()
        self._whole = Lock()

    @classmethod
    def of_stack(cls, stack: Stack) -> Self:
        """Make a sampler of a running stack's processes."""
        return cls({process.name: process.pid for process in stack.processes.recorded()})

    @contextmanager
    def running(self) -> Iterator[None]:
        """Sample until the block ends; the first and the last sample are taken in the block's own thread."""
        self._sample()
        thread = Thread(target=self._run, name="sampler", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            self._sample()

    @property
    def names(self) -> list[str]:
        """The names that `cpu` knows."""
        return list(self._cpu)

    def cpu(self, name: str, begin: float, end: float) -> float:
        """Seconds of CPU that `name` used between two times (seconds since the epoch), interpolated."""
        with self._whole:
            return self._at(self._cpu[name], end) - self._at(self._cpu[name], begin)

    def resident(self, name: str, begin: float, end: float) -> list[int]:
        """The samples of `name`'s resident memory between two times, in bytes."""
        return self._between(self._resident[name], begin, end)

    def largest_worker(self, begin: float, end: float) -> list[int]:
        """The samples of the resident memory of the largest process among the workers between two times, in bytes."""
        return self._between(self._largest_worker, begin, end)

    def _between(self, values: list[int], begin: float, end: float) -> list[int]:
        with self._whole:
            return [value for at, value in zip(self._times, values, strict=True) if begin <= at <= end]

    def _at(self, values: list[float], moment: float) -> float:
        after = bisect_left(self._times, moment)
        if after == 0:
            return values[0]
        if after == len(values):
            return values[-1]
        t0, t1 = self._times[after - 1], self._times[after]
        return values[after - 1] + (values[after] - values[after - 1]) * (moment - t0) / (t1 - t0)

    def _run(self) -> None:
        while not self._ended.wait(INTERVAL):
            self._sample()

    def _sample(self) -> None:
        at, found = time.time(), {name: usage(pid) for name, pid in self._roots.items()}
        with self._whole:
            self._times.append(at)
            for name, used in found.items():
                if name == "scheduler":
                    self._add(SCHEDULER_ITSELF, used.own)
                    self._add(WORKERS, used.descendants)
                    self._largest_worker.append(used.largest)
                else:
                    self._add(name, used.total)
                self._resident.setdefault(name, []).append(used.resident)

    def _add(self, name: str, seconds: float) -> None:
        """A total never falls: the previous reading replaces one that missed a process which was just reaped."""
        values = self._cpu.setdefault(name, [])
        values.append(max(seconds, values[-1]) if values else seconds)
