"""`python -m tools.licences`: check the licences of all packages; `--write` makes the list in docs/licences.md anew."""

from __future__ import annotations

import argparse
import sys

from tools.licences.components import locked_names, needed_by
from tools.licences.page import PAGE, rows, with_list
from tools.licences.policy import Policy


def main() -> int:
    """Print problems; exit status 1 when there are some."""
    parser = argparse.ArgumentParser(prog="python -m tools.licences", description=__doc__)
    parser.add_argument("--write", action="store_true", help="make the list in docs/licences.md anew")
    write = parser.parse_args().write
    policy, origins = Policy.load(), needed_by()
    licences = {name: policy.licence_of(name) for name in locked_names()}
    page = PAGE.read_text(encoding="utf-8")
    if write:
        PAGE.write_text(with_list(page, licences, origins), encoding="utf-8")
    problems = [*policy.problems(licences, origins)]
    # What another Python or platform needs differs from machine to machine; names and licences don't.
    if not write and {row[:2] for row in rows(page)} != {
        (name, licence or "unknown") for name, licence in licences.items()
    }:
        problems.append("docs/licences.md is stale: run `python -m tools.licences --write`")
    print("\n".join(problems) or f"{len(licences)} packages have licences that are allowed")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
