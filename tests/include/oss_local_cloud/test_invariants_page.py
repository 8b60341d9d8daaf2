"""Every test that INVARIANTS.md names is there, and every rule names one."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
PAGE = TESTS.parent / "include" / "oss_local_cloud" / "INVARIANTS.md"


def rules() -> list[tuple[str, str]]:
    """What stands in the two columns of the page's tables."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in lines]
    return [(rule, held_by) for rule, held_by in cells if rule != "rule"]


@pytest.mark.parametrize(("rule", "held_by"), rules())
def test_every_rule_is_held_by_a_test_that_is_there(rule: str, held_by: str):
    named = re.findall(r"`([^`]+)::(test_\w+)`", held_by)
    assert named
    for path, name in named:
        tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
        defined = [node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
        assert name in defined, f"{path} has no test {name}, which is to hold: {rule}"
