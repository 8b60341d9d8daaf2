"""`make bench`: run the benchmarks and print their figures; the last line is one JSON object."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from typing import Any

from benchmarks import catalogue, conversions, fresh_clone, object_api, verification
from benchmarks.raw_client import UnexpectedAnswer
from tools.cloud_process import CloudFailed
from tools.stack import StackError
from tools.stack.signals import interrupted_by_signals

BENCHMARKS = ("catalogue", "conversions", "objects", "setup", "verification")


def main() -> int:
    """Run what was asked for; exit status 0, 1 after a failure, 130 after an interruption."""
    options = _options()
    began = time.monotonic()
    figures: dict[str, Any] = {}

    def say(line: str) -> None:
        print(f"[{time.monotonic() - began:4.0f} s] {line}" if line else "", flush=True)

    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before the start")
    try:
        with interrupted_by_signals():
            if "catalogue" in options.only:
                asked = catalogue.measure(options.renditions, options.exported, say)
                print("", *catalogue.summary(asked), "", sep="\n", flush=True)
                figures["catalogue"] = catalogue.as_json(asked)
            if "conversions" in options.only:
                found = conversions.measure(options.files, options.profile, options.idle, say)
                print("", *conversions.summary(found), "", sep="\n", flush=True)
                figures["conversions"] = conversions.as_json(found)
            if "objects" in options.only:
                seen = object_api.measure(options.keys, options.gibibytes, say)
                print("", *object_api.summary(seen), "", sep="\n", flush=True)
                figures["objects"] = object_api.as_json(seen)
            if "setup" in options.only:
                timed = fresh_clone.measure(say)
                print("", *fresh_clone.summary(timed), "", sep="\n", flush=True)
                figures["setup"] = timed
            if "verification" in options.only:
                costs = verification.measure(options.minutes, say)
                print("", *verification.summary(costs), "", sep="\n", flush=True)
                figures["verification"] = verification.as_json(costs)
    except (StackError, CloudFailed, UnexpectedAnswer, fresh_clone.CommandFailed) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: everything was ended", file=sys.stderr)
        return 130
    print(json.dumps(figures))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description="Print the benchmarks' figures.")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=BENCHMARKS, help="leave the others out")
    parser.add_argument("--files", type=int, default=1000, help="conversions (default: 1000)")
    parser.add_argument("--profile", default="mobile-mp3", help="the one rendition (default: mobile-mp3)")
    parser.add_argument("--idle", type=float, default=30.0, help="seconds of idle use measured (default: 30)")
    parser.add_argument("--keys", type=int, default=1_000_000, help="keys of the long listing (default: 1000000)")
    parser.add_argument("--gibibytes", type=float, default=2.0, help="size of the streamed object (default: 2)")
    parser.add_argument("--minutes", type=float, default=3.0, help="length of the verified clip (default: 3)")
    parser.add_argument("--renditions", type=int, default=1_000_000, help="in the catalogue (default: 1000000)")
    parser.add_argument("--exported", type=int, default=100_000, help="rows of the export (default: 100000)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
