"""From a fresh clone to the printed catalogue, and the second `make demo`: wall time, set-up included."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tools.stack import PROJECT_ROOT

PRINTED = "catalogue printed after"
"""The line that the demo prints after the catalogue."""

BASE_PYTHON = str(Path(sys.base_prefix, "bin", "python3"))
"""The Python that this environment was made from; the clone makes one of its own from it."""


class CommandFailed(RuntimeError):
    """git or make failed; the message has the end of its output."""


def measure(say: Callable[[str], None]) -> dict[str, float]:
    """Clone this repository's HEAD into a temporary folder and time its first and second `make demo`.

    The package cache is warm if the environment of this very project was made on this machine.

    Raises:
        CommandFailed: a command failed.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        clone = Path(folder) / "clone"
        began = time.monotonic()
        say("cloning HEAD")
        _watch(["git", "clone", "--quiet", str(PROJECT_ROOT), str(clone)], Path(folder), say)
        say("the first `make demo`, set-up included")
        printed = _watch(_demo(), clone, say)
        figures = {"seconds_clone_to_catalogue": round(printed - began, 1)}
        figures["seconds_first_demo"] = round(time.monotonic() - began, 1)
        began = time.monotonic()
        say("the second `make demo`")
        _watch(_demo(), clone, say)
        figures["seconds_second_demo"] = round(time.monotonic() - began, 1)
        return figures


def summary(figures: dict[str, float]) -> list[str]:
    """Return the figures as lines of text."""
    return [
        f"fresh clone to the printed catalogue: {figures['seconds_clone_to_catalogue']:.0f} s "
        f"(to the end of the demo: {figures['seconds_first_demo']:.0f} s)",
        f"second make demo: {figures['seconds_second_demo']:.0f} s",
    ]


def _demo() -> list[str]:
    return [shutil.which("make") or "make", "demo", f"PYTHON={BASE_PYTHON}"]


def _watch(command: list[str], cwd: Path, say: Callable[[str], None]) -> float:
    """Run a command to its end; return the (monotonic) time at which it printed the catalogue, else that of its end."""
    env = {name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL"}}
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    output: list[str] = []
    printed: float | None = None
    try:
        for line in process.stdout or ():
            output.append(line)
            if PRINTED in line and printed is None:
                printed = time.monotonic()
            if line.startswith("setup:") or PRINTED in line:
                say("  " + line.strip())
    except BaseException:
        os.killpg(process.pid, signal.SIGINT)
        process.wait()
        raise
    if process.wait() != 0:
        raise CommandFailed(f"`{' '.join(command)}` failed:\n{''.join(output[-30:])}")
    return printed or time.monotonic()


def as_json(figures: dict[str, float]) -> dict[str, float]:
    """Return the figures for the last line."""
    return figures
