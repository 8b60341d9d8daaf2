"""The frame of a chaos command: its seed, its clock, its scratch folder and its exit status."""

from __future__ import annotations

import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from tools.cloud_process import CloudFailed
from tools.stack import StackError
from tools.stack.signals import interrupted_by_signals

Say = Callable[[str], None]
Work = Callable[[Path, int, Say], Sequence[str]]

MAX_SHOWN = 20
"""Number of broken promises that are printed."""


def run_harness(work: Work, promise: str, *, seed: int | None, folder: Path | None = None) -> int:
    """Run the command and report what was broken.

    Args:
        work: called with a folder for logs and data, the seed, and what prints a line with the seconds since the
            beginning; returns the broken promises, each in one sentence.
        promise: printed when nothing was broken.
        seed: the run's seed; None takes a random one.
        folder: where everything is kept. None takes a scratch folder, which is removed when nothing was broken.

    Returns:
        The exit status: 0; 1 after a broken promise or a failed start; 130 after an interruption.
    """
    chosen = secrets.randbelow(1 << 31) if seed is None else seed
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:4.0f} s] {line}", flush=True)

    where = Path(tempfile.mkdtemp(prefix="chaos-")) if folder is None else folder
    kept = f"the seed was {chosen}; logs and data are in {where}"
    try:
        with interrupted_by_signals():
            problems = work(where, chosen, say)
    except (StackError, CloudFailed) as error:
        print(f"error: {error}\n{kept}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"interrupted: everything was ended; {kept}", file=sys.stderr)
        return 130
    except BaseException:
        print(kept, file=sys.stderr)
        raise
    for problem in problems[:MAX_SHOWN]:
        print(f"broken: {problem}")
    if problems:
        print(f"{len(problems)} broken promises; {kept}")
        return 1
    if folder is None:
        shutil.rmtree(where, ignore_errors=True)
    say(f"{promise} (seed {chosen})")
    return 0
