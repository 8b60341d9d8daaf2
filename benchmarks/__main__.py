"""`make bench`: run the benchmarks and print their figures; the last line is one JSON object."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks import (
    against_plain,
    catalogue,
    conversion_throughput,
    conversions,
    fresh_clone,
    object_api,
    planning,
    verification,
    waiting_shards,
)
from benchmarks.airflow_stack import VERIFY, Workload
from benchmarks.raw_client import UnexpectedAnswer
from tools.cloud_process import CloudFailed
from tools.stack import StackError
from tools.stack.signals import interrupted_by_signals

Say = Callable[[str], None]

BENCHMARKS: dict[str, tuple[Any, Callable[[argparse.Namespace, Say], Any]]] = {
    "conversions": (conversions, lambda given, say: conversions.measure(_workload(given), given.idle, say)),
    "plain": (
        against_plain,
        lambda given, say: against_plain.measure(
            replace(_workload(given), instant=True), min(given.plain_files, given.files), given.idle, say
        ),
    ),
    "waiting": (
        waiting_shards,
        lambda given, say: waiting_shards.measure(given.shards, given.each, given.rest, say),
    ),
    "planning": (planning, lambda given, say: planning.measure(given.listed, say)),
    "catalogue": (catalogue, lambda given, say: catalogue.measure(given.renditions, given.exported, say)),
    "verification": (verification, lambda given, say: verification.measure(given.minutes, say)),
    "throughput": (conversion_throughput, lambda given, say: conversion_throughput.measure(say)),
    "objects": (object_api, lambda given, say: object_api.measure(given.keys, given.gibibytes, say)),
    "setup": (fresh_clone, lambda given, say: fresh_clone.measure(say)),
}
"""By name, in this order: the module that summarises the figures, and how they are measured."""


def main() -> int:
    """Run the benchmarks that were asked for.

    Returns:
        The exit status: 0, 1 after a failure, 130 after an interruption.
    """
    options = _options()
    began = time.monotonic()
    figures: dict[str, Any] = {}

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:4.0f} s] {line}" if line else "", flush=True)

    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start")
    try:
        with interrupted_by_signals():
            for name, (module, measure) in BENCHMARKS.items():
                if name in options.only:
                    found = measure(options, say)
                    print("", *module.summary(found), "", sep="\n", flush=True)
                    figures[name] = module.as_json(found)
    except (StackError, CloudFailed, UnexpectedAnswer, fresh_clone.CommandFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: everything was ended", file=sys.stderr)
        return 130
    finally:
        print(json.dumps(figures))  # also the figures that were measured before a failure
    return 0


def _workload(given: argparse.Namespace) -> Workload:
    return Workload(given.files, given.seconds, given.profile, given.instant, given.verify)


def _options() -> argparse.Namespace:
    names = list(BENCHMARKS)
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description="Print the benchmarks' figures.")
    usual = [name for name in names if name != "plain"]
    parser.add_argument(
        "--only", nargs="+", choices=names, default=usual, help="leave the others out (without it: all but plain)"
    )
    parser.add_argument("--files", type=int, default=1000, help="conversions (default: 1000)")
    parser.add_argument("--profile", default="mobile-mp3", help="the one rendition (default: mobile-mp3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of each clip (default: 1)")
    parser.add_argument("--instant", action="store_true", help="let FFmpeg run for the first conversion only")
    parser.add_argument("--verify", choices=VERIFY, default=VERIFY[0], help="in place of the profile's own policy")
    parser.add_argument("--plain-files", type=int, default=1000, help="files of the plain DAG (default: 1000)")
    parser.add_argument("--idle", type=float, default=30.0, help="seconds of idle use measured (default: 30)")
    parser.add_argument("--shards", type=int, default=100, help="shards that wait at the same time (default: 100)")
    parser.add_argument("--each", type=int, default=100, help="conversions of each shard (default: 100)")
    parser.add_argument(
        "--rest", type=float, default=480.0, help="seconds that a conversion lasts at most (default: 480)"
    )
    parser.add_argument("--listed", type=int, default=1_000_000, help="objects to plan (default: 1000000)")
    parser.add_argument("--renditions", type=int, default=1_000_000, help="in the catalogue (default: 1000000)")
    parser.add_argument("--exported", type=int, default=100_000, help="rows of the export (default: 100000)")
    parser.add_argument("--minutes", type=float, default=3.0, help="length of the verified clip (default: 3)")
    parser.add_argument("--keys", type=int, default=1_000_000, help="keys of the long listing (default: 1000000)")
    parser.add_argument("--gibibytes", type=float, default=2.0, help="size of the streamed object (default: 2)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
