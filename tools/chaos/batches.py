"""Waves of sources and their DAG runs: begun while injections are to come, then all brought to their end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from threading import Event, Thread
from typing import TypeVar

import oss2

from benchmarks.clips import make_clips
from tools.chaos.settings import PROFILE
from tools.demo.upload import oss_settings
from tools.stack import Stack, StackError

DAG_ID = "chaos_batch"

STAGGER = 5.0
"""Seconds between the beginnings of two waves, so that their conversions are in different states."""

EVERY_THIRD = 3
"""One of so many waves has two runs at the same time, as when the nightly run is also triggered by hand."""

MAX_CLIPS = 100_000
LENGTHS = tuple(0.6 + 0.1 * number for number in range(8))
"""Seconds of the clips, in turns: the renditions of neighbours differ, so that a swapped one is found."""

MAX_CLEARS = 12
"""The failed tasks of a run are cleared so often before it counts as a run that doesn't end."""

POLL_SECONDS = 1.0
RETRY_SECONDS = 600.0
"""Requests to a process that was killed or stopped are repeated for so long."""

_T = TypeVar("_T")


@dataclass
class Run:
    """One DAG run over the sources of one wave."""

    run_id: str
    prefix: str
    clears: int = 0
    state: str = "queued"


class Batches:
    """Uploads waves of sources and triggers their runs, in a thread of its own.

    Args:
        stack: the running stack.
        files: sources of a wave.
        at_once: waves that are under way at a time.
        say: prints a line of progress.

    Attributes:
        sources: keys that were uploaded.
        runs: all that were triggered.
        problems: failures of the harness itself, and runs that don't end.
    """

    def __init__(self, stack: Stack, files: int, at_once: int, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._files = files
        self._at_once = at_once
        self._say = say
        self._clips = _clips()
        self._no_more = Event()
        self._abandoned = Event()
        self._thread = Thread(target=self._work, name="batches", daemon=True)
        self._waves = 0
        self._next_wave = 0.0
        self.sources: list[str] = []
        self.runs: list[Run] = []
        self.problems: list[str] = []

    def start(self) -> None:
        """Begin with the first waves."""
        self._thread.start()

    def begin_no_more(self) -> None:
        """Begin no more waves; those begun are brought to their end."""
        self._no_more.set()

    def wait(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the end of all runs; True when they have ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def abandon(self) -> None:
        """End the thread, whatever is unfinished."""
        self._abandoned.set()
        self._thread.join(RETRY_SECONDS)

    def open_runs(self) -> list[Run]:
        """Runs that have not ended."""
        return [run for run in self.runs if run.state not in {"success", "given up"}]

    def _work(self) -> None:
        try:
            while not self._abandoned.is_set():
                waves = {run.prefix for run in self.open_runs()}
                if not self._no_more.is_set() or not self._waves:
                    if len(waves) < self._at_once and time.monotonic() >= self._next_wave:
                        self._begin_wave()
                        self._next_wave = time.monotonic() + STAGGER
                elif not waves:
                    return
                for run in self.open_runs():
                    self._refresh(run)
                self._abandoned.wait(POLL_SECONDS)
        except Exception as error:  # noqa: BLE001 - reported at the end, whatever it was
            self.problems.append(f"the harness could not go on: {type(error).__name__}: {error}")

    def _begin_wave(self) -> None:
        wave, self._waves = self._waves, self._waves + 1
        prefix = f"{self._stack.cloud_settings.prefix}wave-{wave:03d}/"
        with ThreadPoolExecutor(4) as pool:
            for key in pool.map(lambda clip: self._put(prefix + clip[0], clip[1]), islice(self._clips, self._files)):
                self.sources.append(key)
        names = [f"wave-{wave:03d}"] + ([f"wave-{wave:03d}-again"] if wave % EVERY_THIRD == 1 else [])
        for run_id in names:
            run = Run(run_id, prefix)
            self._retry(f"triggering {run_id}", partial(self._trigger, run))
            self.runs.append(run)

    def _put(self, key: str, content: bytes) -> str:
        settings = oss_settings(self._stack)
        bucket = settings.bucket(self._stack.cloud_settings.bucket)
        self._retry(f"uploading {key}", lambda: bucket.put_object(key, content))
        return key

    def _trigger(self, run: Run) -> None:
        conf = {"prefix": run.prefix, "profiles": [PROFILE], "failure_threshold": 50}
        try:
            self._stack.airflow.trigger(DAG_ID, conf=conf, run_id=run.run_id)
        except StackError:
            # The run may exist although its answer was lost.
            self._stack.airflow.run(DAG_ID, run.run_id)

    def _refresh(self, run: Run) -> None:
        try:
            found = str(self._stack.airflow.run(DAG_ID, run.run_id)["state"])
            if found == "failed":
                self._clear(run)
            run.state = found
        except StackError:
            return  # the API server was killed or stopped: asked again later

    def _clear(self, run: Run) -> None:
        """Clear the failed tasks and those downstream of them, as an operator does."""
        airflow = self._stack.airflow
        failed = sorted({ti["task_id"] for ti in airflow.task_instances(DAG_ID, run.run_id) if ti["state"] == "failed"})
        if run.clears >= MAX_CLEARS:
            why = airflow.explain_failure(DAG_ID, run.run_id)
            self.problems.append(f"run {run.run_id} does not succeed after {run.clears} clears: {why}")
            run.state = "given up"
            raise StackError(run.run_id)
        why = airflow.explain_failure(DAG_ID, run.run_id, lines=1)
        airflow.clear_tasks(DAG_ID, run.run_id, failed)
        run.clears += 1
        self._say(f"run {run.run_id} failed at {', '.join(failed)}; cleared ({run.clears})")
        for line in why.splitlines():
            self._say(f"  {line}")

    def _retry(self, what: str, call: Callable[[], _T]) -> _T:
        deadline = time.monotonic() + RETRY_SECONDS
        while True:
            try:
                return call()
            except (StackError, oss2.exceptions.OssError) as error:
                if self._abandoned.is_set() or time.monotonic() > deadline:
                    raise StackError(f"{what} did not work for {RETRY_SECONDS:.0f} s: {error}") from error
                time.sleep(0.5)


def _clips() -> Iterator[tuple[str, bytes]]:
    lengths = [make_clips(MAX_CLIPS // len(LENGTHS), seconds) for seconds in LENGTHS]
    for number, (_, content) in enumerate(chain.from_iterable(zip(*lengths, strict=True))):
        yield f"clip-{number:06d}.wav", content
