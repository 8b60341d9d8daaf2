"""Sources and runs for as long as there are kills to come; afterwards every run is brought to its end."""

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
"""Seconds between the beginnings of two waves, so that their conversions stand in different states."""

EVERY_THIRD = 3
"""Of so many waves one has two runs at the same time, as when somebody triggers what the night is doing."""

MOST_CLIPS = 100_000
LENGTHS = tuple(0.6 + 0.1 * number for number in range(8))
"""Seconds of clips, in turns: neighbours have different renditions, so that one in another's place is found."""

MOST_CLEARS = 12
"""So often an operator clears the failed tasks of a run before the harness says that it doesn't end."""

LOOK_EVERY = 1.0
PATIENCE = 600.0
"""Seconds for which something that was killed or stands still is asked again."""

_T = TypeVar("_T")


@dataclass
class Run:
    """One DAG run over the sources of one wave."""

    run_id: str
    prefix: str
    clears: int = 0
    state: str = "queued"


class Batches:
    """Uploads waves of `files` sources and triggers their runs, in a thread of its own; `at_once` waves are under way.

    Attributes:
        sources: keys that were uploaded.
        runs: all that were triggered.
        problems: what went wrong with the harness's own doing, or runs that don't end.
    """

    def __init__(self, stack: Stack, files: int, at_once: int, say: Callable[[str], None]) -> None:
        self._stack = stack
        self._files = files
        self._at_once = at_once
        self._say = say
        self._clips = _clips()
        self._enough = Event()
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

    def enough(self) -> None:
        """No more waves: those begun are brought to their end."""
        self._enough.set()

    def ended(self, timeout: float) -> bool:
        """Wait at most so many seconds; whether all runs have ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def abandon(self) -> None:
        """Stop asking, whatever is unfinished."""
        self._abandoned.set()
        self._thread.join(PATIENCE)

    def open_runs(self) -> list[Run]:
        """Runs that have not ended."""
        return [run for run in self.runs if run.state not in {"success", "given up"}]

    def _work(self) -> None:
        try:
            while not self._abandoned.is_set():
                waves = {run.prefix for run in self.open_runs()}
                if not self._enough.is_set() or not self._waves:
                    if len(waves) < self._at_once and time.monotonic() >= self._next_wave:
                        self._begin_wave()
                        self._next_wave = time.monotonic() + STAGGER
                elif not waves:
                    return
                for run in self.open_runs():
                    self._look_at(run)
                self._abandoned.wait(LOOK_EVERY)
        except Exception as error:  # noqa: BLE001 - told at the end, whatever it was
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
            self._patiently(f"triggering {run_id}", partial(self._trigger, run))
            self.runs.append(run)

    def _put(self, key: str, content: bytes) -> str:
        settings = oss_settings(self._stack)
        bucket = settings.bucket(self._stack.cloud_settings.bucket)
        self._patiently(f"uploading {key}", lambda: bucket.put_object(key, content))
        return key

    def _trigger(self, run: Run) -> None:
        conf = {"prefix": run.prefix, "profiles": [PROFILE]}
        try:
            self._stack.airflow.trigger(DAG_ID, conf=conf, run_id=run.run_id)
        except StackError:
            # Its answer may have been lost, and the run be there.
            self._stack.airflow.run(DAG_ID, run.run_id)

    def _look_at(self, run: Run) -> None:
        try:
            found = str(self._stack.airflow.run(DAG_ID, run.run_id)["state"])
            if found == "failed":
                self._clear(run)
            run.state = found
        except StackError:
            return  # whoever should have answered is dead or stands still: later

    def _clear(self, run: Run) -> None:
        """Do as an operator does: clear what failed, with what comes after it."""
        airflow = self._stack.airflow
        failed = sorted({ti["task_id"] for ti in airflow.task_instances(DAG_ID, run.run_id) if ti["state"] == "failed"})
        if run.clears >= MOST_CLEARS:
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

    def _patiently(self, what: str, call: Callable[[], _T]) -> _T:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return call()
            except (StackError, oss2.exceptions.OssError) as error:
                if self._abandoned.is_set() or time.monotonic() > deadline:
                    raise StackError(f"{what} did not work for {PATIENCE:.0f} s: {error}") from error
                time.sleep(0.5)


def _clips() -> Iterator[tuple[str, bytes]]:
    lengths = [make_clips(MOST_CLIPS // len(LENGTHS), seconds) for seconds in LENGTHS]
    for number, (_, content) in enumerate(chain.from_iterable(zip(*lengths, strict=True))):
        yield f"clip-{number:06d}.wav", content
