"""Which modules have no test is told, and what the table says in vain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.checks.module_tests import check, modules, own_test

MODULE = "include/core/steps/plan.py"
TEST = "tests/include/core/steps/test_plan.py"
SCENARIO = "tests/include/core/scenarios/test_night.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one module, and files that need no test."""
    for name in (
        MODULE,
        "include/core/__init__.py",
        "plugins/air/__main__.py",
        "include/core/migrations/versions/0001.py",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def write(project: Path, name: str) -> None:
    path = project / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_a_tests_place_mirrors_the_modules() -> None:
    assert own_test(MODULE) == TEST


def test_files_without_logic_of_their_own_need_no_test(project: Path) -> None:
    assert modules(project) == [MODULE]


def test_a_module_without_a_test_is_named_with_what_to_write(project: Path) -> None:
    findings = check(project, {})
    assert findings.problems == [f"{MODULE} has no test: write {TEST}, or name its scenario in tests/scenarios.toml"]


def test_a_test_of_its_own_or_a_scenario_suffices(project: Path) -> None:
    write(project, SCENARIO)
    findings = check(project, {MODULE: SCENARIO})
    assert (findings.problems, findings.own, findings.scenarios) == ([], [], [MODULE])
    write(project, TEST)
    findings = check(project, {})
    assert (findings.problems, findings.own, findings.scenarios) == ([], [MODULE], [])


def test_rows_that_say_nothing_are_named(project: Path) -> None:
    write(project, TEST)
    table = {"include/gone.py": SCENARIO, MODULE: TEST}
    assert check(project, dict(reversed(table.items()))).problems == [
        f"tests/scenarios.toml: {MODULE} has {TEST}; remove its row",
        "tests/scenarios.toml: there is no module include/gone.py; remove its row",
        f"tests/scenarios.toml: there is no file {SCENARIO}, which is to exercise include/gone.py",
    ]
    assert "its rows are not sorted" in check(project, table).problems[-1]
