"""`make chaos-cloud`: kill the local cloud under load; exit status 1 when it broke a promise."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.chaos_cloud.run import run
from tools.harness import Say, run_harness


def main() -> int:
    """Run the command.

    Returns:
        The exit status: 0, 1 after a broken promise, 130 after an interruption.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.chaos_cloud", description=__doc__)
    parser.add_argument("--kills", type=int, default=20, help="number of kills (default: 20)")
    parser.add_argument("--seed", type=int, help="the same clients and moments as in another run (default: new ones)")
    options = parser.parse_args()

    def work(folder: Path, seed: int, say: Say) -> Sequence[str]:
        say(f"{options.kills} kills of the local cloud under load, seed {seed}")
        summary = run(folder / "data", options.kills, seed, say)
        say("; ".join(f"{number:,} {what}" for what, number in sorted(summary.findings.counts.items())))
        return summary.findings.problems

    promise = f"{options.kills} kills, nothing acknowledged was lost, damaged or done twice"
    return run_harness(work, promise, seed=options.seed)


if __name__ == "__main__":
    sys.exit(main())
