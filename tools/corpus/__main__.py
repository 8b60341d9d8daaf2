"""`python -m tools.corpus`: is the product's verdict right on every file of the corpus?"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from tools.corpus.case import KINDS
from tools.corpus.conversions import BARE, ONE_OF_EACH
from tools.corpus.exceptions import named_exceptions
from tools.corpus.run import QUICK, Extent, ProgramsMissing, run
from tools.corpus.table import disagreements, table, unnamed


def main() -> int:
    """Print the table; returns 1 when a verdict is wrong that is no named exception."""
    parser = argparse.ArgumentParser(prog="python -m tools.corpus", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a fifth of the files, one profile for each format")
    parser.add_argument("--one-of-each", action="store_true", help="every file, one profile for each format")
    parser.add_argument("--bare", action="store_true", help="only the seven formats without parameters")
    parser.add_argument("--every", type=int, help="each n-th file")
    parser.add_argument("--kinds", default="".join(KINDS), help="letters of the kinds (default: all)")
    parser.add_argument("--python-alone", action="store_true", help="only files that need no program of the machine")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 2, help="conversions at once")
    parser.add_argument("--list", type=Path, help="also write every wrong verdict, named ones too, into this file")
    options = parser.parse_args()
    extent = QUICK if options.quick else Extent()
    if options.one_of_each or options.bare:
        extent = replace(extent, profiles=ONE_OF_EACH if options.one_of_each else BARE)
    extent = replace(extent, every=options.every or extent.every)
    extent = replace(extent, kinds=options.kinds, with_programs=not options.python_alone)
    began = time.monotonic()
    exceptions = named_exceptions()
    with tempfile.TemporaryDirectory(prefix="corpus-") as folder:
        try:
            judged = run(extent, Path(folder), options.workers, lambda line: print(line, flush=True))
        except ProgramsMissing as error:
            print(error, file=sys.stderr)
            return 2
    if options.list is not None:
        lines = disagreements([one for one in judged if one.wrong])
        options.list.write_text("\n".join(lines) + "\n", encoding="utf-8")
    left = unnamed(judged, exceptions)
    print(*table(judged, exceptions), *disagreements(left), sep="\n")
    print(f"{len(left)} of {len(judged)} verdicts are wrong and not named, after {time.monotonic() - began:.0f} s")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
