"""The checks of sources and renditions: a correct run passes, and each defect is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from oss_audio_core.catalogue import State
from oss_local_cloud.fault_injection.records import AcceptedTask
from tests.tools.chaos.sample_tasks import FAILED_TASK, KEY, NEXT, TASK
from tools.chaos.catalogue_view import Rendition, Row
from tools.chaos.checker import CheckResult, check_renditions, check_sources

ROW = Row(
    id=1,
    key=KEY,
    state=State.PUBLISHED,
    attempt=1,
    code=None,
    message=None,
    output_key=".staging/b/0/1-1.mp3",
    task_id="t1",
)
FAILED_ROW = replace(ROW, state=State.FAILED, code="InternalError", message="why")
RENDITION = Rendition("renditions/a.mp3", "E1", 100, conversion_id=1)
OBJECTS = {"renditions/a.mp3": ("E1", 100)}


def sources(rows: list[Row], tasks: list[AcceptedTask]) -> list[str]:
    result = CheckResult()
    check_sources([KEY], rows, tasks, result)
    return result.problems


def renditions(rows: list[Row], entered: list[Rendition], objects: dict[str, tuple[str, int]]) -> list[str]:
    result = CheckResult()
    check_renditions(rows, entered, objects, result)
    return result.problems


def test_a_correct_run_passes() -> None:
    assert sources([ROW], [TASK]) == []
    assert sources([FAILED_ROW], [FAILED_TASK]) == []
    assert renditions([ROW], [RENDITION], OBJECTS) == []


def test_a_source_without_a_conversion_is_lost() -> None:
    assert "lost" in sources([], [])[0]


def test_a_second_generation_without_a_reason_is_a_problem() -> None:
    assert "2 conversions" in sources([replace(ROW, state=State.SUPERSEDED), replace(ROW, id=2)], [TASK])[0]


@pytest.mark.parametrize("tasks", [[], [FAILED_TASK], [NEXT], [replace(TASK, target_key=".staging/b/0/2-1.mp3")]])
def test_a_published_row_needs_a_succeeded_task_of_its_attempt(tasks: list[AcceptedTask]) -> None:
    assert "no task succeeded" in sources([ROW], tasks)[0]


@pytest.mark.parametrize("state", sorted(set(State) - {State.PUBLISHED, State.FAILED, State.DEAD}))
def test_any_other_final_state_is_a_problem(state: State) -> None:
    assert state.value in sources([replace(ROW, state=state)], [TASK])[0]


@pytest.mark.parametrize(
    ("row", "task"),
    [
        (FAILED_ROW, TASK),
        (replace(FAILED_ROW, code="SomethingElse"), FAILED_TASK),
        (replace(FAILED_ROW, message=None), FAILED_TASK),
        (replace(FAILED_ROW, code="NoAnswer", task_id=None), TASK),
    ],
    ids=["the task succeeded", "another code", "no message", "a task that wrote there"],
)
def test_a_reason_that_the_service_does_not_confirm_is_a_problem(row: Row, task: AcceptedTask) -> None:
    assert "unconfirmed" in sources([row], [task])[0]


@pytest.mark.parametrize(
    ("rows", "entered", "objects"),
    [
        ([ROW], [], {}),
        ([FAILED_ROW], [RENDITION], OBJECTS),
        ([ROW], [RENDITION], {}),
        ([], [], OBJECTS),
        ([ROW], [RENDITION], {"renditions/a.mp3": ("E2", 100)}),
    ],
    ids=["no rendition row", "not published", "no object", "no row", "another object"],
)
def test_a_difference_between_rows_and_objects_is_a_problem(
    rows: list[Row], entered: list[Rendition], objects: dict[str, tuple[str, int]]
) -> None:
    assert len(renditions(rows, entered, objects)) == 1
