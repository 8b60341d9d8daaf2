"""`make chaos`: kill and stop any process of the product while batches run; exit status 1 on a broken promise."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.chaos.run import ChaosOptions, ChaosSummary, run
from tools.harness import Say, run_harness

FULL = 100
"""From this number of injections on, a state that no injection met is a broken promise."""

PROMISE = "nothing was lost, no rendition is without its row, every excess is explained"


def main() -> int:
    """Run the command.

    Returns:
        The exit status: 0, 1 after a broken promise or a failed start, 130 after an interruption.
    """
    arguments = _parser().parse_args()

    def work(folder: Path, seed: int, say: Say) -> Sequence[str]:
        options = ChaosOptions(
            kills=arguments.kills,
            seed=seed,
            files=arguments.files,
            waves=arguments.waves,
            lost=arguments.lost,
            repeated=arguments.repeated,
            longest_stop=arguments.longest_stop,
        )
        say(f"{options.kills} injections, {options.waves} waves of {options.files} files at a time, seed {seed}")
        summary = run(folder, options, say)
        _print_summary(summary, say)
        return [*summary.result.problems, *_uncovered_states(summary, options.kills, say)]

    return run_harness(work, PROMISE, seed=arguments.seed, folder=arguments.folder)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tools.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=12, help="number of injections: kills and stops (default: 12)")
    parser.add_argument("--files", type=int, default=40, help="sources of a wave (default: 40)")
    parser.add_argument("--waves", type=int, default=3, help="waves that are under way at a time (default: 3)")
    parser.add_argument("--seed", type=int, help="the same moments and faults as in another run (default: new ones)")
    parser.add_argument("--lost", type=float, default=0.05, help="share of lost notifications (default: 0.05)")
    parser.add_argument("--repeated", type=float, default=0.05, help="share of repeated ones (default: 0.05)")
    parser.add_argument("--longest-stop", type=float, default=12.0, help="seconds of a SIGSTOP (default: 12)")
    parser.add_argument("--folder", type=Path, help="keep logs, objects and reports there (default: nothing is kept)")
    return parser


def _print_summary(summary: ChaosSummary, say: Say) -> None:
    figures = summary.result.figures
    say("injections by target and by the states they met, as injections (conversions):")
    for line in summary.coverage.lines():
        print(f"  {line}")
    say(", ".join(f"{count} x {kind}" for kind, count in summary.kinds.most_common()) or "no injections")
    ended = ", ".join(f"{count} x {name}" for name, count in summary.restarts.most_common()) or "none"
    say(f"{summary.runs} runs, {summary.clears} clears; processes that ended by themselves: {ended}")
    say(", ".join(f"{figures[name]} {name}" for name in sorted(figures)))
    for line in summary.result.explained:
        say(line)


def _uncovered_states(summary: ChaosSummary, kills: int, say: Say) -> list[str]:
    """Report the states that no injection met; a problem only in a full run."""
    if not (missed := [state.value for state in summary.coverage.uncovered()]):
        return []
    message = f"no injection met a conversion in {', '.join(missed)}"
    if kills >= FULL:
        return [message]
    say(message)
    return []


if __name__ == "__main__":
    sys.exit(main())
