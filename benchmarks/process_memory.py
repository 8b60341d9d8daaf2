"""Resident memory of one process, from the kernel.

`getrusage` doesn't serve: its peak survives exec, so that a process inherits that of the one which started it.
"""

from __future__ import annotations

from pathlib import Path


def resident(pid: int | str = "self") -> int:
    """Bytes of resident memory now."""
    return _status(pid, "VmRSS")


def peak(pid: int | str = "self") -> int:
    """The peak of the resident memory in bytes since the program began: no sample misses it."""
    return _status(pid, "VmHWM")


def _status(pid: int | str, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name + ":")) * 1024
