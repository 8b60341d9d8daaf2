"""`make chaos-cloud`: kill the local cloud under load; exit status 1 when it broke a promise."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tools.chaos_cloud.run import kill_again_and_again
from tools.cloud_process import CloudFailed
from tools.stack.signals import interrupted_by_signals

SHOWN = 20


def main() -> int:
    """Run the command; exit status 0, 1 after a broken promise, 130 after an interruption."""
    parser = argparse.ArgumentParser(prog="python -m tools.chaos_cloud", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="how often (default: 20)")
    parser.add_argument("--seed", type=int, help="the same clients and moments as in another run (default: new ones)")
    options = parser.parse_args()
    seed = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:4.0f} s] {line}", flush=True)

    say(f"{options.kills} times kill -9 of the local cloud under load, seed {seed}")
    try:
        with interrupted_by_signals(), tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            outcome = kill_again_and_again(Path(folder) / "data", options.kills, seed, say)
    except CloudFailed as error:
        print(f"error (seed {seed}): {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: everything was ended", file=sys.stderr)
        return 130
    counts = outcome.findings.counts
    say("; ".join(f"{number:,} {what}" for what, number in sorted(counts.items())))
    problems = outcome.findings.problems
    for problem in problems[:SHOWN]:
        print(f"broken: {problem}")
    if problems:
        again = f"python -m tools.chaos_cloud --kills {options.kills} --seed {seed}"
        print(f"{len(problems)} broken promises; the same again: {again}")
        return 1
    say(f"{outcome.kills} kills, nothing acknowledged was lost, damaged or done twice (seed {seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
