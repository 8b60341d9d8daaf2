"""Every test that docs/interventions.md names is there, and every line of its tables about doings names one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "interventions.md"


def lines() -> list[tuple[str, str]]:
    """What is done, and what holds the line, of every table with a third column of tests."""
    found, held = [], False
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("| "):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[-1] == "held by" or cells[0] == "a conversion that is":
            held = cells[-1] == "held by"
        elif held:
            found.append((cells[0], cells[-1]))
    return found


@pytest.mark.parametrize(("done", "held_by"), lines())
def test_every_line_is_held_by_tests_that_are_there(done: str, held_by: str) -> None:
    named = re.findall(r"`([^`]+)::(test_\w+)`", held_by)
    assert named
    for path, name in named:
        tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
        defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        assert name in defined, f"{path} has no test {name}, which is to hold: {done}"


def test_the_page_speaks_of_every_task_and_of_what_is_killed() -> None:
    spoken = " ".join(done for done, _ in lines())
    tasks = ("list", "requeue", "plan", "convert", "await", "verify", "publish", "export", "report")
    assert [task for task in tasks if f"`{task}`" not in spoken] == []
    assert all(word in spoken for word in ("cancelled", "deleted", "paused", "worker", "triggerer"))
