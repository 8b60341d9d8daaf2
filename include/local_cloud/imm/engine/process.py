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
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_KEPT_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "TMPDIR")  # no credentials go to a program that reads hostile files
# A static FFmpeg crashes in iconv when it meets the machine's gconv modules, which it does on MPEG-TS; without
# modules it leaves the text alone.
_OWN_ENVIRONMENT = {"GCONV_PATH": "/nonexistent"}
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


async def run(argv: Sequence[str | Path], allowance: Allowance, scratch: Path) -> Finished:
    """Run a program to its end; it is killed when this is cancelled. Its outputs go through files in
    `scratch`.
    """
    with tempfile.TemporaryFile(dir=scratch) as stdout, tempfile.TemporaryFile(dir=scratch) as stderr:
        process = subprocess.Popen(  # noqa: ASYNC220 - vfork and exec; asyncio's own does the same call
            argv,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            env={name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ} | _OWN_ENVIRONMENT,
            start_new_session=True,  # Ctrl-C at the terminal is the service's to handle
        )
        timed_out = False
        try:
            _limit(process.pid, allowance)
            try:
                # Not wait_for: before Python 3.12 it forgets a cancellation that meets the end of what it waits for.
                async with asyncio.timeout(allowance.wall_seconds):
                    await _ended(process)
            except TimeoutError:
                timed_out = True
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
        overstepped = "wall" if timed_out else _limit_of(process.returncode)
        return Finished(process.returncode, _tail(stdout.fileno()), _tail(stderr.fileno()), overstepped)


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


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """Wait for the end through a pidfd: the loop tells, no thread waits."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    pidfd = os.pidfd_open(process.pid)
    loop.add_reader(pidfd, _settle, ended)
    try:
        await ended
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)
    process.wait()  # it has ended, so this only collects its status


def _settle(ended: asyncio.Future[None]) -> None:
    if not ended.done():
        ended.set_result(None)


def _limit_of(returncode: int) -> str | None:
    ended_by = {-signal.SIGXCPU: "cpu", -signal.SIGKILL: "cpu", -signal.SIGXFSZ: "file"}
    return ended_by.get(returncode)


def _tail(descriptor: int) -> str:
    size = os.fstat(descriptor).st_size
    return os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES)).decode("utf-8", "replace")
