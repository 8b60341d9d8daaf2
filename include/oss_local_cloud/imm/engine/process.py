"""One child process under limits, waited for without a thread.

The limits are set with prlimit(2) right after the start: code between fork and exec is unsafe in a process
with threads and would cost vfork. A child that oversteps gets SIGKILL: on SIGTERM a build of FFmpeg went on
for minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")  # no credentials go to a program that reads hostile files
# A static FFmpeg crashes in iconv when it meets the machine's gconv modules, which it does on MPEG-TS; without
# modules it leaves the text alone.
_OWN_ENVIRONMENT = {"GCONV_PATH": "/nonexistent"}
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)  # and so by its children, unless they are reset
_TAIL_BYTES = 256 * 1024


@dataclass(frozen=True)
class Allowance:
    """Seconds of CPU and by the clock, bytes of address space, bytes of any one file it writes."""

    cpu_seconds: int
    wall_seconds: float
    memory_bytes: int
    file_bytes: int


@dataclass(frozen=True)
class Finished:
    """How a process ended: the last 256 KiB of each output, and which limit ended it, if one did."""

    returncode: int
    stdout: str
    stderr: str
    overstepped: str | None = None


async def run(
    argv: Sequence[str | Path], allowance: Allowance, scratch: Path, *, keeps_stdout: bool = True
) -> Finished:
    """Run a program to its end; it is killed when the call is cancelled.

    Its outputs go to files in `scratch`, standard output to /dev/null unless `keeps_stdout`.
    """
    with contextlib.ExitStack() as stack:
        stderr = stack.enter_context(tempfile.TemporaryFile(dir=scratch, buffering=0)).fileno()
        stdout = (
            stack.enter_context(tempfile.TemporaryFile(dir=scratch, buffering=0)).fileno() if keeps_stdout else None
        )
        child = _Child(argv, stdout, stderr)
        timed_out = False
        try:
            _limit(child.pid, allowance)
            try:
                # Not wait_for: before Python 3.12 it forgets a cancellation that meets the end of what it waits for.
                async with asyncio.timeout(allowance.wall_seconds):
                    await child.ended()
            except TimeoutError:
                timed_out = True
        finally:
            returncode = child.reap()
        overstepped = "wall" if timed_out else _limit_of(returncode)
        return Finished(returncode, "" if stdout is None else _tail(stdout), _tail(stderr), overstepped)


class _Child:
    """A started process; only this object waits for it."""

    def __init__(self, argv: Sequence[str | Path], stdout: int | None, stderr: int) -> None:
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
            if stdout is None
            else (os.POSIX_SPAWN_DUP2, stdout, 1),
            (os.POSIX_SPAWN_DUP2, stderr, 2),
        ]
        # By vfork. Python opens nothing that a program it starts would inherit (PEP 446), and what the service itself
        # inherited is closed to it (cli.py).
        self.pid = os.posix_spawn(
            argv[0],
            [os.fspath(part) for part in argv],
            {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ} | _OWN_ENVIRONMENT,
            file_actions=actions,
            setsid=True,  # Ctrl-C at the terminal is the service's to handle
            setsigdef=_IGNORED_BY_PYTHON,
        )
        self._has_ended = False

    async def ended(self) -> None:
        """Wait for the end through a pidfd in the event loop, without a thread."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        pidfd = os.pidfd_open(self.pid)
        loop.add_reader(pidfd, _settle, ended)
        try:
            await ended
        finally:
            loop.remove_reader(pidfd)
            os.close(pidfd)
        self._has_ended = True

    def reap(self) -> int:
        """Its exit code, -N when signal N ended it; it is killed first when it has not ended."""
        if not self._has_ended:
            os.kill(self.pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _limit(pid: int, allowance: Allowance) -> None:
    limits = {
        resource.RLIMIT_CPU: allowance.cpu_seconds,
        resource.RLIMIT_AS: allowance.memory_bytes,
        resource.RLIMIT_FSIZE: allowance.file_bytes,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in limits.items():
        with contextlib.suppress(ProcessLookupError):  # it has ended already
            resource.prlimit(pid, kind, (value, value))


def _settle(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


def _limit_of(returncode: int) -> str | None:
    ended_by = {-signal.SIGXCPU: "cpu", -signal.SIGKILL: "cpu", -signal.SIGXFSZ: "file"}
    return ended_by.get(returncode)


def _tail(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES)).decode("utf-8", "replace")
