"""Hitting processes of the stack, and the supervisor that brings them back as an operator's would."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread

import psutil

from tools.chaos.injections import Manner, PlannedHit
from tools.stack import Stack, StackError
from tools.stack.processes import ManagedProcess

LOOK_EVERY = 0.3
START_SECONDS = 120.0
"""A victim that has just ended is waited for so long, until it was started again: nobody hits the dead."""


@dataclass(frozen=True)
class Hit:
    """One kill or stop that happened; times in seconds since the epoch, `until` when a victim was resumed."""

    victim: str
    what: str
    at: float
    until: float


class Supervisor:
    """Starts again whatever ended, whoever ended it, and resumes what was stopped, in a thread of its own.

    `hits` has every hit, `restarts` the processes that ended without being hit, `problems` why nobody watches any more.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._lock = Lock()
        self._over = Event()
        self._running = {process.name: process for process in stack.processes.recorded()}
        self._stopped: dict[str, tuple[float, list[psutil.Process]]] = {}
        self._orphans: list[tuple[float, list[psutil.Process]]] = []
        self._killed: set[str] = set()
        self.hits: list[Hit] = []
        self.restarts: list[tuple[str, float]] = []
        self.problems: list[str] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Supervise until the block ends; then everything is resumed, so that it can end, and orphans are ended."""
        thread = Thread(target=self._watch, name="supervisor", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()
            with self._lock:
                for name in list(self._stopped):
                    self._resume(name)
                for _, orphans in self._orphans:
                    _kill(orphans)

    def hit(self, planned: PlannedHit) -> Hit:
        """Do as planned. A victim that stands still, or has no child to be killed, is killed whole.

        Raises:
            StackError: it ended, and does not come back.
        """
        victim = planned.victim
        self._await(victim)
        with self._lock:
            family = self._family(victim)
            whole = victim in self._stopped or len(family) < 2
            manner = Manner.WHOLE if whole and planned.manner is not Manner.STOP else planned.manner
            if victim in self._stopped and manner is Manner.STOP:
                manner = Manner.WHOLE
            at = until = time.time()
            what = manner.value
            if manner is Manner.STOP:
                until += planned.seconds
                what += f" for {planned.seconds:.0f} s"
                self._stop(victim, family, planned.seconds)
            elif manner is Manner.CHILD:
                family[0].resume()
                child = family[1 + int(planned.which * (len(family) - 1))]
                what += f" ({_title(child)})"
                _kill([child])
            else:
                self._kill_parent(victim, family, planned.seconds if manner is Manner.PARENT else 0.0)
            hit = Hit(victim, what, at, until)
            self.hits.append(hit)
            return hit

    def standing_still(self) -> set[str]:
        """Victims that are stopped now."""
        with self._lock:
            return set(self._stopped)

    def _await(self, victim: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with self._lock:
                if self._running[victim].alive():
                    return
            time.sleep(LOOK_EVERY)
        raise StackError(f"{victim} ended and was not there again after {START_SECONDS:.0f} s {self.problems or ''}")

    def _stop(self, victim: str, family: Iterable[psutil.Process], seconds: float) -> None:
        stopped = list(family)
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        self._stopped[victim] = (time.monotonic() + seconds, stopped)

    def _kill_parent(self, victim: str, family: list[psutil.Process], orphans_live: float) -> None:
        if orphans_live:
            _kill(family[:1])
            self._orphans.append((time.monotonic() + orphans_live, family[1:]))
        else:
            _kill(family)
        self._stopped.pop(victim, None)
        self._killed.add(victim)

    def _watch(self) -> None:
        try:
            while not self._over.wait(LOOK_EVERY):
                with self._lock:
                    self._bring_back()
        except Exception as error:  # noqa: BLE001 - told at the end, whatever it was
            self.problems.append(f"the supervisor could not go on: {type(error).__name__}: {error}")

    def _bring_back(self) -> None:
        for name, (until, _) in list(self._stopped.items()):
            if time.monotonic() >= until:
                self._resume(name)
        for until, orphans in list(self._orphans):
            if time.monotonic() >= until:
                _kill(orphans)
                self._orphans.remove((until, orphans))
        for name, process in list(self._running.items()):
            if not process.alive():
                self._start_again(name)

    def _start_again(self, name: str) -> None:
        if name in self._killed:
            self._killed.remove(name)
        else:
            self.restarts.append((name, time.time()))
        self._stopped.pop(name, None)
        self._running[name] = self._stack.restart_component(name)

    def _resume(self, name: str) -> None:
        _, family = self._stopped.pop(name)
        for process in family:
            with suppress(psutil.NoSuchProcess):
                process.resume()

    def _family(self, victim: str) -> list[psutil.Process]:
        """The victim, suspended first so that it begets no more, and its descendants from the oldest on."""
        process: ManagedProcess = self._running[victim]
        if not process.alive():
            return []
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(process.pid)
            root.suspend()
            return [root, *sorted(root.children(recursive=True), key=lambda child: child.pid)]
        return []


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)


def _title(process: psutil.Process) -> str:
    """How the process calls itself, without folders."""
    with suppress(psutil.Error):
        command = re.sub(r"\S*/", "", " ".join(process.cmdline()))
        return command[:40].strip() or process.name()
    return "gone"
