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

from tools.chaos.run import Order, Outcome, run
from tools.stack import StackError
from tools.stack.signals import interrupted_by_signals

SHOWN = 20

FULL = 100
"""From so many hits on, a state that none of them found is a broken promise."""


def main() -> int:
    """Run the command; exit status 0, 1 after a broken promise or a failed start, 130 after an interruption."""
    options = _parser().parse_args()
    seed = secrets.randbelow(1 << 31) if options.seed is None else options.seed
    order = Order(
        kills=options.kills,
        seed=seed,
        files=options.files,
        waves=options.waves,
        lost=options.lost,
        repeated=options.repeated,
        longest_stop=options.longest_stop,
    )
    began = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:4.0f} s] {line}", flush=True)

    say(f"{order.kills} hits, {order.waves} waves of {order.files} files at a time, seed {seed}")
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
    parser.add_argument("--files", type=int, default=40, help="sources of a wave (default: 40)")
    parser.add_argument("--waves", type=int, default=3, help="waves that are under way at a time (default: 3)")
    parser.add_argument("--seed", type=int, help="the same moments and faults as in another run (default: new ones)")
    parser.add_argument("--lost", type=float, default=0.05, help="share of lost notifications (default: 0.05)")
    parser.add_argument("--repeated", type=float, default=0.05, help="share of repeated ones (default: 0.05)")
    parser.add_argument("--longest-stop", type=float, default=12.0, help="seconds of a SIGSTOP (default: 12)")
    parser.add_argument("--folder", type=Path, help="keep logs, objects and reports there (default: nothing is kept)")
    return parser


def _summary(order: Order, outcome: Outcome, say: Callable[[str], None]) -> int:
    judgement = outcome.judgement
    figures = judgement.figures
    say("hits, and how many conversions stood in which state, hits (conversions):")
    for line in outcome.table.lines():
        print(f"  {line}")
    say(", ".join(f"{count} x {manner}" for manner, count in outcome.manners.most_common()) or "nobody was hit")
    ended = ", ".join(f"{count} x {name}" for name, count in outcome.restarts.most_common()) or "none"
    say(f"{outcome.runs} runs, {outcome.clears} clears; processes that ended by themselves: {ended}")
    say(", ".join(f"{figures[name]} {name}" for name in sorted(figures)))
    for tie in judgement.ties:
        say(tie)
    if missed := [state.value for state in outcome.table.never_hit()]:
        told = f"no hit found a conversion in {', '.join(missed)}"
        if order.kills >= FULL:
            judgement.problems.append(told)
        else:
            say(told)
    for problem in judgement.problems[:SHOWN]:
        print(f"broken: {problem}")
    if judgement.problems:
        again = " ".join(sys.argv[1:])
        print(
            f"{len(judgement.problems)} broken promises, seed {order.seed}; the run was: python -m tools.chaos {again}"
        )
        return 1
    say(f"nothing was lost, no rendition is without its row, every excess is explained (seed {order.seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
