"""`make demo`: the main job, end to end. Its last line is one JSON object."""

from __future__ import annotations

import argparse
import io
import json
import sys
from pathlib import Path

from rich.console import Console

from tools.demo.run import DemoError, run_demo
from tools.stack import PROJECT_ROOT, StackError
from tools.stack.signals import interrupted_by_signals

RUN_DIR = PROJECT_ROOT / ".demo"
WIDTH_WITHOUT_TERMINAL = 180
MIN_WIDTH = 140
"""Columns the table needs. In a narrower terminal its lines are folded there, but no figure is cut short."""


def main() -> int:
    """Run the demo.

    Returns:
        The exit status: 0, 1 after a failure, 130 after an interruption.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.demo", description=__doc__)
    parser.add_argument("--run-dir", type=Path, default=RUN_DIR, help="where it keeps everything (default .demo)")
    run_dir = parser.parse_args().run_dir.resolve()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an old terminal shows a sign less, and all the rest
    console = Console(highlight=False)
    width = max(console.width, MIN_WIDTH) if console.is_terminal else WIDTH_WITHOUT_TERMINAL
    console = Console(highlight=False, width=width)
    try:
        with interrupted_by_signals():
            summary = run_demo(run_dir, console)
    except (DemoError, StackError) as error:
        print(f"error: {error}\n(logs are in {run_dir.name}/logs and {run_dir.name}/airflow/logs)", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: everything was ended; `make demo` continues where it was", file=sys.stderr)
        return 130
    print(json.dumps(summary), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
