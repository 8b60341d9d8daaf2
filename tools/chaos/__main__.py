"""`make chaos`: kill and stop any process of the product while batches run; exit status 1 on a broken promise."""

from __future__ import annotations

import argparse
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from include.catalogue import State
from tools.chaos.run import Order, Outcome, run
from tools.stack import StackError
from tools.stack.signals import interrupted_by_signals

SHOWN = 20


def main() -> int:
    """Run the command; exit status 0, 1 after a broken promise or a failed start, 130 after an interruption."""
    options = _parser().parse_args()
    seed = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    order = Order(options.kills, seed, options.files, options.lost, options.repeated)
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:4.0f} s] {line}", flush=True)

    say(f"{order.kills} hits, waves of {order.files} files, seed {seed}")
    folder = Path(tempfile.mkdtemp(prefix="chaos-")) if options.folder is None else options.folder
    try:
        with interrupted_by_signals():
            outcome = run(folder, order, say)
    except StackError as error:
        print(f"error (seed {seed}): {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: everything was ended", file=sys.stderr)
        return 130
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    return _summary(order, outcome, say)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=12, help="how often somebody is hit (default: 12)")
    parser.add_argument("--files", type=int, default=50, help="sources of a wave; two waves at a time (default: 50)")
    parser.add_argument("--seed", type=int, help="the same moments and faults as in another run (default: new ones)")
    parser.add_argument("--lost", type=float, default=0.05, help="share of lost notifications (default: 0.05)")
    parser.add_argument("--repeated", type=float, default=0.05, help="share of repeated ones (default: 0.05)")
    parser.add_argument("--folder", type=Path, help="keep logs, objects and reports there (default: nothing is kept)")
    return parser


def _summary(order: Order, outcome: Outcome, say: Callable[[str], None]) -> int:
    judgement = outcome.judgement
    figures = judgement.figures
    say(", ".join(f"{count} x {victim}" for victim, count in outcome.victims.most_common()) or "nobody was hit")
    say("hits that found conversions in: " + ", ".join(f"{state.value} {outcome.hit[state]}" for state in State))
    ended = ", ".join(f"{count} x {name}" for name, count in outcome.restarts.most_common()) or "none"
    say(f"{outcome.runs} runs, {outcome.clears} clears; processes that ended by themselves: {ended}")
    say(", ".join(f"{figures[name]} {name}" for name in sorted(figures)))
    for tie in judgement.ties:
        say(tie)
    for problem in judgement.problems[:SHOWN]:
        print(f"broken: {problem}")
    if judgement.problems:
        again = f"python -m tools.chaos --kills {order.kills} --files {order.files} --seed {order.seed}"
        print(f"{len(judgement.problems)} broken promises; the same again: {again}")
        return 1
    say(f"nothing was lost, no rendition is without its row, every excess is explained (seed {order.seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
