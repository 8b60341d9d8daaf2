"""`make chaos`: kill and stop any process of the product while batches run; exit status 1 on a broken promise."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.chaos.run import Order, Outcome, run
from tools.harness import Say, run_harness

FULL = 100
"""From so many hits on, a state that none of them found is a broken promise."""

PROMISE = "nothing was lost, no rendition is without its row, every excess is explained"


def main() -> int:
    """Run the command; exit status 0, 1 after a broken promise or a failed start, 130 after an interruption."""
    options = _parser().parse_args()

    def work(folder: Path, seed: int, say: Say) -> Sequence[str]:
        order = Order(
            kills=options.kills,
            seed=seed,
            files=options.files,
            waves=options.waves,
            lost=options.lost,
            repeated=options.repeated,
            longest_stop=options.longest_stop,
        )
        say(f"{order.kills} hits, {order.waves} waves of {order.files} files at a time, seed {seed}")
        outcome = run(folder, order, say)
        _summarise(outcome, say)
        return [*outcome.judgement.problems, *_never_hit(outcome, order.kills, say)]

    return run_harness(work, PROMISE, seed=options.seed, folder=options.folder)


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


def _summarise(outcome: Outcome, say: Say) -> None:
    figures = outcome.judgement.figures
    say("hits, and how many conversions stood in which state, hits (conversions):")
    for line in outcome.table.lines():
        print(f"  {line}")
    say(", ".join(f"{count} x {manner}" for manner, count in outcome.manners.most_common()) or "nobody was hit")
    ended = ", ".join(f"{count} x {name}" for name, count in outcome.restarts.most_common()) or "none"
    say(f"{outcome.runs} runs, {outcome.clears} clears; processes that ended by themselves: {ended}")
    say(", ".join(f"{figures[name]} {name}" for name in sorted(figures)))
    for tie in outcome.judgement.ties:
        say(tie)


def _never_hit(outcome: Outcome, kills: int, say: Say) -> list[str]:
    """What is broken about the states that no hit found."""
    if not (missed := [state.value for state in outcome.table.never_hit()]):
        return []
    told = f"no hit found a conversion in {', '.join(missed)}"
    if kills >= FULL:
        return [told]
    say(told)
    return []


if __name__ == "__main__":
    sys.exit(main())
