"""Who can be hit, what is done to them, and the supervisor that brings them back as an operator's would."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread

import psutil

from tools.stack import Stack
from tools.stack.components import LOCAL_CLOUD, POSTGRESQL, SCHEDULER, SECOND_TRIGGERER, TRIGGERER, WORKER
from tools.stack.processes import ManagedProcess

VICTIMS = (WORKER, TRIGGERER, SECOND_TRIGGERER, SCHEDULER, LOCAL_CLOUD, POSTGRESQL)
"""Processes of the stack that are killed and stopped."""

LOOK_EVERY = 0.3


@dataclass(frozen=True)
class Hit:
    """One kill or stop; times in seconds since the epoch, `until` when the victim was started again or resumed."""

    victim: str
    what: str
    at: float
    until: float


class Supervisor:
    """Starts again whatever ended, whoever ended it, and resumes what was stopped, in a thread of its own.

    A victim is hit whole, with all its descendants, as when its container or machine is. `hits` has every one,
    `restarts` counts processes that ended without being hit.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._lock = Lock()
        self._over = Event()
        self._running = {process.name: process for process in stack.processes.recorded()}
        self._stopped: dict[str, tuple[float, list[psutil.Process]]] = {}
        self._killed: set[str] = set()
        self.hits: list[Hit] = []
        self.restarts: list[tuple[str, float]] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Supervise until the block ends; then everything is resumed, so that it can end."""
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

    def kill(self, victim: str) -> None:
        """SIGKILL to a victim and its descendants; it is started again within a second."""
        with self._lock:
            family = self._family(victim)
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            psutil.wait_procs(family, timeout=10)
            self._stopped.pop(victim, None)
            self._killed.add(victim)
            self.hits.append(Hit(victim, "kill -9", at := time.time(), at + 1))

    def stop(self, victim: str, seconds: float) -> None:
        """SIGSTOP to a victim and its descendants, and SIGCONT so many seconds later."""
        with self._lock:
            family = self._family(victim)
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.suspend()
            self._stopped[victim] = (time.monotonic() + seconds, family)
            self.hits.append(Hit(victim, f"SIGSTOP for {seconds:.0f} s", at := time.time(), at + seconds))

    def standing_still(self) -> set[str]:
        """Victims that are stopped now."""
        with self._lock:
            return set(self._stopped)

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            with self._lock:
                for name, (until, _) in list(self._stopped.items()):
                    if time.monotonic() >= until:
                        self._resume(name)
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
        """The victim, suspended first so that it begets no more, and its descendants."""
        process: ManagedProcess = self._running[victim]
        if not process.alive():
            return []
        with suppress(psutil.NoSuchProcess):
            root = psutil.Process(process.pid)
            root.suspend()
            return [root, *root.children(recursive=True)]
        return []
