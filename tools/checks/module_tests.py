"""Check that tests mirror modules: which module of `include/` and `plugins/` has no test of its own.

The test of `include/a/b.py` is `tests/include/a/test_b.py`. A module that is best tested together with others has a row
in `tests/scenarios.toml` instead, which names the file that exercises it.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROJECT_ROOT = Path(__file__).resolve().parents[2]
ROOTS = ("include", "plugins")
TABLE = "tests/scenarios.toml"

EXEMPT = frozenset({"__init__.py", "__main__.py"})
"""Files that only hand names on or start what others do."""

GENERATED = "migrations/versions/"
"""Migrations are tested as steps of the whole chain."""


@dataclass
class Findings:
    """What the check found.

    Attributes:
        own: modules with a test file of their own.
        scenarios: modules that the table gives to a scenario.
        problems: a sentence each.
    """

    own: list[str] = field(default_factory=list)
    scenarios: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def modules(root: Path) -> list[str]:
    """The modules that need a test, as paths from the project's root."""
    found = (path for name in ROOTS for path in (root / name).rglob("*.py"))
    names = (path.relative_to(root).as_posix() for path in found if path.name not in EXEMPT)
    return sorted(name for name in names if GENERATED not in name)


def own_test(module: str) -> str:
    """Where the test of a module stands: `tests/include/a/test_b.py` of `include/a/b.py`."""
    path = Path("tests") / module
    return path.with_name(f"test_{path.name}").as_posix()


def check(root: Path, table: Mapping[str, str]) -> Findings:
    """Compare the modules below `root` with their tests and with the table of scenarios.

    Args:
        root: the project's root.
        table: module to the scenario file that exercises it, both as paths from the root.
    """
    findings = Findings()
    known = modules(root)
    for module in known:
        has_own = (root / own_test(module)).is_file()
        if has_own:
            findings.own.append(module)
            if module in table:
                findings.problems.append(f"{TABLE}: {module} has {own_test(module)}; remove its row")
        elif module in table:
            findings.scenarios.append(module)
        else:
            findings.problems.append(f"{module} has no test: write {own_test(module)}, or name its scenario in {TABLE}")
    for module, scenario in table.items():
        if module not in known:
            findings.problems.append(f"{TABLE}: there is no module {module}; remove its row")
        if not (root / scenario).is_file():
            findings.problems.append(f"{TABLE}: there is no file {scenario}, which is to exercise {module}")
    if list(table) != sorted(table):
        findings.problems.append(f"{TABLE}: its rows are not sorted")
    return findings


def main() -> int:
    """Print the problems and the counts; exit status 1 when there are problems."""
    findings = check(PROJECT_ROOT, tomllib.loads((PROJECT_ROOT / TABLE).read_text(encoding="utf-8")))
    for problem in findings.problems:
        print(problem)
    print(f"{len(findings.own)} modules have a test of their own, {len(findings.scenarios)} are tested by a scenario")
    return bool(findings.problems)


if __name__ == "__main__":
    sys.exit(main())
