"""Start and end the processes of one run directory, and no others.

Every process gets a session (and so a process group) of its own, a log file, and a record on disk: its pid
together with its start time, because the system reuses pids. Its children inherit `OSS_AUDIO_STACK=<run directory>`, by
which a task's process is found even after its parent ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tools.stack.errors import StackError

MARKER = "OSS_AUDIO_STACK"
"""Environment variable that every process of a stack carries; its value is the run directory."""

LOG_TAIL_LINES = 25
"""Lines of a log shown in an error: enough for a traceback, short enough for a screen."""

START_TIME_SLACK = 1.0
"""Seconds by which two readings of one process's start time may differ (the clock may be set meanwhile)."""


@dataclass
class ManagedProcess:
    """One process of the stack: its name, its log, and its pid and start time, by which it is recognised."""

    name: str
    log: Path
    pid: int
    started: float
    popen: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def alive(self) -> bool:
        """True while the very process that was started is still running (a zombie isn't)."""
        if self.popen is not None:
            return self.popen.poll() is None
        return _same_process(self.pid, self.started) is not None

    def exit_code(self) -> int | None:
        """The exit status once it ended, `None` while it runs or when this session didn't start it."""
        return self.popen.poll() if self.popen is not None else None

    def log_tail(self, lines: int = LOG_TAIL_LINES) -> str:
        """The last lines of its log, or a remark that there is nothing in it."""
        try:
            text = self.log.read_text(errors="replace").rstrip()
        except FileNotFoundError:
            text = ""
        return "\n".join(text.splitlines()[-lines:]) or "(its log is empty)"

    def require_alive(self) -> None:
        """Raise `StackError` with the tail of the log when the process has ended."""
        if not self.alive():
            code = self.exit_code()
            ended = f"with exit status {code}" if code is not None else "unexpectedly"
            raise StackError(f"{self.name} ended {ended}; the end of {self.log}:\n{self.log_tail()}")


class ProcessGroup:
    """All processes of one run directory: started, recorded, found again and ended."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir.resolve()
        self.records = self.run_dir / "processes"
        self.logs = self.run_dir / "logs"
        self._running: dict[str, ManagedProcess] = {}

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> ManagedProcess:
        """Start `command` in a session of its own with its output in `logs/<name>.log`, and record it.

        A process that this session started before, and starts again, goes on in the same log.
        """
        self.records.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{name}.log"
        before = self._running.get(name)
        with log.open("wb" if before is None else "ab") as output:
            popen = subprocess.Popen(
                list(command),
                env={**env, MARKER: str(self.run_dir), "SPT_NOENV": "1"},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # SPT_NOENV: without it setproctitle writes Airflow's titles over the environment with the marker.
        if before is not None:
            before.alive()  # collects the exit status of the one that this replaces
        process = ManagedProcess(name, log, popen.pid, psutil.Process(popen.pid).create_time(), popen)
        self._running[name] = process
        record = {"name": name, "pid": process.pid, "started": process.started}
        (self.records / f"{name}.json").write_text(json.dumps(record) + "\n")
        return process

    def require_alive(self) -> None:
        """Raise `StackError` when any process started here has ended."""
        for process in self._running.values():
            process.require_alive()

    def recorded(self) -> list[ManagedProcess]:
        """The running processes of this run directory, from its records, also those of another session."""
        found = []
        for path in sorted(self.records.glob("*.json")):
            try:
                record = json.loads(path.read_text())
                process = ManagedProcess(
                    record["name"], self.logs / f"{record['name']}.log", record["pid"], record["started"]
                )
            except (ValueError, KeyError):
                continue  # a record cut short by a crash; the marker still finds the process
            if process.alive():
                found.append(process)
        return found

    def stop(self, grace_seconds: float = 6.0) -> list[str]:
        """End every process of this run directory, with its descendants; returns the names of those ended.

        First SIGTERM to each main process, so that Airflow ends its own workers; after `grace_seconds`, or
        as soon as the main processes are gone, SIGKILL to all that are left.
        """
        main = {process.pid: process for process in [*self.recorded(), *self._running.values()]}
        family = self._family(main.values())
        for process in main.values():
            if process.alive():
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace_seconds
        while any(process.alive() for process in main.values()) and time.monotonic() < deadline:
            time.sleep(0.05)
        leftovers = {*family, *self._family(main.values())}
        _kill(leftovers)
        for process in main.values():
            if process.popen is not None:
                process.popen.wait()
        self._running.clear()
        for path in self.records.glob("*.json"):
            path.unlink(missing_ok=True)
        return sorted({process.name for process in main.values()})

    def _family(self, main: Iterable[ManagedProcess]) -> set[psutil.Process]:
        """The recorded processes, their descendants, and everything else that carries the mark."""
        family: set[psutil.Process] = set()
        for process in main:
            root = _same_process(process.pid, process.started)
            if root is not None:
                family.add(root)
                with suppress(psutil.Error):
                    family.update(root.children(recursive=True))
        family.update(self._marked())
        return family

    def _marked(self) -> set[psutil.Process]:
        """Every process of this user that carries this run directory's mark, the caller excepted."""
        marked = set()
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.pid != os.getpid() and process.environ().get(MARKER) == str(self.run_dir):
                    marked.add(process)
        return marked


def _same_process(pid: int, started: float) -> psutil.Process | None:
    """Return the process with this pid if it began at `started`, else `None`: the pid may have been reused."""
    try:
        process = psutil.Process(pid)
        if abs(process.create_time() - started) > START_TIME_SLACK or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.Error:
        return None
    return process


def _kill(processes: Iterable[psutil.Process]) -> None:
    """SIGKILL, then wait until they are gone; psutil checks the start time before it sends the signal."""
    killed = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
            killed.append(process)
    psutil.wait_procs(killed, timeout=10)
