"""Kills and stops of the stack's processes, and the supervisor that restarts them as an operator's would."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Event, Lock, Thread

import psutil

from tools.chaos.injections import InjectionKind, PlannedInjection
from tools.stack import Stack, StackError
from tools.stack.processes import ManagedProcess

POLL_SECONDS = 0.3
START_SECONDS = 120.0
"""An injection into a process that has ended waits at most so long for its restart."""


@dataclass(frozen=True)
class Injection:
    """One kill or stop that happened.

    Attributes:
        target: name of the process.
        what: what was done to it, in words.
        at: seconds since the epoch.
        until: when a stopped process was resumed; `at` for a kill.
    """

    target: str
    what: str
    at: float
    until: float


class Supervisor:
    """Restarts every process that ended and resumes what was stopped, in a thread of its own.

    Attributes:
        injections: every injection so far.
        restarts: processes that ended without an injection, with the time.
        problems: why the supervisor gave up, if it did.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._lock = Lock()
        self._over = Event()
        self._running = {process.name: process for process in stack.processes.recorded()}
        self._stopped: dict[str, tuple[float, list[psutil.Process]]] = {}
        self._orphans: list[tuple[float, list[psutil.Process]]] = []
        self._killed: set[str] = set()
        self.injections: list[Injection] = []
        self.restarts: list[tuple[str, float]] = []
        self.problems: list[str] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Supervise until the block ends; then resume stopped processes, so that they can end, and kill orphans."""
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

    def inject(self, planned: PlannedInjection) -> Injection:
        """Do as planned. A target that is stopped already, or has no child to kill, is killed with its descendants.

        Raises:
            StackError: the target ended and was not restarted in time.
        """
        target = planned.target
        self._wait_until_running(target)
        with self._lock:
            family = self._family(target)
            whole = target in self._stopped or len(family) < 2
            kind = InjectionKind.KILL if whole and planned.kind is not InjectionKind.STOP else planned.kind
            if target in self._stopped and kind is InjectionKind.STOP:
                kind = InjectionKind.KILL
            at = until = time.time()
            what = kind.value
            if kind is InjectionKind.STOP:
                until += planned.seconds
                what += f" for {planned.seconds:.0f} s"
                self._stop(target, family, planned.seconds)
            elif kind is InjectionKind.KILL_CHILD:
                family[0].resume()
                child = family[1 + int(planned.which * (len(family) - 1))]
                what += f" ({_title(child)})"
                _kill([child])
            else:
                self._kill_parent(target, family, planned.seconds if kind is InjectionKind.KILL_PARENT else 0.0)
            injection = Injection(target, what, at, until)
            self.injections.append(injection)
            return injection

    def stopped(self) -> set[str]:
        """Targets that are stopped now."""
        with self._lock:
            return set(self._stopped)

    def _wait_until_running(self, target: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            with self._lock:
                if self._running[target].alive():
                    return
            time.sleep(POLL_SECONDS)
        raise StackError(f"{target} ended and was not restarted within {START_SECONDS:.0f} s {self.problems or ''}")

    def _stop(self, target: str, family: Iterable[psutil.Process], seconds: float) -> None:
        stopped = list(family)
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.suspend()
        self._stopped[target] = (time.monotonic() + seconds, stopped)

    def _kill_parent(self, target: str, family: list[psutil.Process], orphans_live: float) -> None:
        if orphans_live:
            _kill(family[:1])
            self._orphans.append((time.monotonic() + orphans_live, family[1:]))
        else:
            _kill(family)
        self._stopped.pop(target, None)
        self._killed.add(target)

    def _watch(self) -> None:
        try:
            while not self._over.wait(POLL_SECONDS):
                with self._lock:
                    self._resume_and_restart()
        except Exception as error:  # noqa: BLE001 - reported at the end, whatever it was
            self.problems.append(f"the supervisor could not go on: {type(error).__name__}: {error}")

    def _resume_and_restart(self) -> None:
        for name, (until, _) in list(self._stopped.items()):
            if time.monotonic() >= until:
                self._resume(name)
        for until, orphans in list(self._orphans):
            if time.monotonic() >= until:
                _kill(orphans)
                self._orphans.remove((until, orphans))
        for name, process in list(self._running.items()):
            if not process.alive():
                self._restart(name)

    def _restart(self, name: str) -> None:
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

    def _family(self, target: str) -> list[psutil.Process]:
        """Suspend the target, so that it starts no more children, and return it with its descendants, oldest first."""
        process: ManagedProcess = self._running[target]
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
    """The command line of a process, without folders."""
    with suppress(psutil.Error):
        command = re.sub(r"\S*/", "", " ".join(process.cmdline()))
        return command[:40].strip() or process.name()
    return "gone"
