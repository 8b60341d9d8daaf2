"""`make attack`: hostile files, messages and keys through whole batches; exit status 1 when a neighbour suffered."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.attack.run import Limits, run
from tools.attack.wave import Amount
from tools.harness import Say, run_harness


def main() -> int:
    """Run the command.

    Returns:
        The exit status: 0, 1 after a broken promise, 130 after an interruption.
    """
    parser = argparse.ArgumentParser(prog="python -m tools.attack", description=__doc__)
    parser.add_argument("--minutes", type=float, help="end after these (default: the counts alone decide)")
    parser.add_argument("--files", type=int, default=20_000, help="mutated files on each database (default: 20000)")
    parser.add_argument("--messages", type=int, default=5_000, help="messages on each (default: 5000)")
    parser.add_argument("--keys", type=int, default=2_000, help="awkward keys on each (default: 2000)")
    parser.add_argument("--seed", type=int, help="the same files, messages and keys as in another run")
    options = parser.parse_args()

    def work(folder: Path, seed: int, say: Say) -> Sequence[str]:
        limits = Limits(Amount(options.files, options.messages, options.keys), options.minutes)
        findings = run(folder, seed, limits, say)
        for what, number in sorted(findings.counts.items()):
            say(f"{number:,} {what}")
        return findings.problems

    return run_harness(work, "every neighbour was published, no step failed, no traceback", seed=options.seed)


if __name__ == "__main__":
    sys.exit(main())
