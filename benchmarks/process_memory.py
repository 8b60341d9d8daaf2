"""Resident memory of one process, as the kernel tells it.

Not `getrusage`: its peak outlives exec, so that a process which a large one started begins with that one's.
"""

from __future__ import annotations

from pathlib import Path


def resident(pid: int | str = "self") -> int:
    """Bytes of resident memory now."""
    return _status(pid, "VmRSS")


def peak(pid: int | str = "self") -> int:
    """The most bytes of resident memory that the process has had since its program began: no sample misses it."""
    return _status(pid, "VmHWM")


def _status(pid: int | str, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) * 1024
