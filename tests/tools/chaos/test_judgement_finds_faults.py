"""The chaos harness's judgement: it passes what is right, and names what was lost, doubled or has no row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from oss_audio_core.catalogue import State
from oss_local_cloud.fault_injection.records import AcceptedTask, Fault
from tools.chaos.accounts import Troubles, judge_accounts
from tools.chaos.catalogue_view import Rendition, Row
from tools.chaos.checker import Judgement, judge_renditions, judge_sources
from tools.chaos.moves import Claim
from tools.chaos.targets import Hit
from tools.stack.components import DAG_PROCESSOR, WORKER

KEY = "incoming/a.wav"
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
TASK = AcceptedTask(
    number=1,
    task_id="t1",
    event_id="e1",
    request_id="r1",
    project="p",
    bucket="media",
    key=KEY,
    process="audio/convert,f_mp3",
    target_bucket="media",
    target_key=".staging/b/0/1-1.mp3",
    topic=None,
    status="Succeeded",
    code="",
    message="",
    started_ms=1_000_000,
    ended_ms=1_001_000,
    notified=True,
)
AGAIN = replace(TASK, number=2, task_id="t2", started_ms=1_090_000)
NEXT = replace(AGAIN, target_key=".staging/b/0/1-2.mp3")
CLAIMS = (Claim(1, 1, 999.0, 1_031.0), Claim(1, 1, 1_089.0, 1_090.5))
RENDITION = Rendition("renditions/a.mp3", "E1", 100, conversion_id=1)
OBJECTS = {"renditions/a.mp3": ("E1", 100)}
RESET = Fault(
    number=1,
    at_ms=1_000_500,
    rule="reset",
    fault="reset",
    service="oss",
    operation="AsyncProcessObject",
    bucket="media",
    key=KEY,
    request_id="r1",
    task_id="t1",
    when="after",
    detail="",
)
FAILED_ROW = replace(ROW, state=State.FAILED, code="InternalError", message="why")
FAILED_TASK = replace(TASK, status="Failed", code="InternalError", message="why")


def sources(rows: list[Row], tasks: list[AcceptedTask]) -> list[str]:
    judgement = Judgement()
    judge_sources([KEY], rows, tasks, judgement)
    return judgement.problems


def renditions(rows: list[Row], entered: list[Rendition], objects: dict[str, tuple[str, int]]) -> list[str]:
    judgement = Judgement()
    judge_renditions(rows, entered, objects, judgement)
    return judgement.problems


def accounts(
    tasks: Sequence[AcceptedTask], faults: Sequence[Fault] = (), hits: Sequence[Hit] = (), sources: int = 199
) -> Judgement:
    judgement = Judgement()
    judge_accounts(sources, tasks, Troubles(faults, hits, CLAIMS), judgement)
    return judgement


def kill(at: float, victim: str = WORKER) -> Hit:
    return Hit(victim, "kill -9", at, at)


def test_what_is_right_passes() -> None:
    assert sources([ROW], [TASK]) == []
    assert sources([FAILED_ROW], [FAILED_TASK]) == []
    assert renditions([ROW], [RENDITION], OBJECTS) == []
    assert accounts([TASK]).problems == []


def test_a_source_without_a_conversion_is_lost() -> None:
    assert "lost" in sources([], [])[0]


def test_a_second_generation_that_nobody_asked_for_is_broken() -> None:
    assert "2 conversions" in sources([replace(ROW, state=State.SUPERSEDED), replace(ROW, id=2)], [TASK])[0]


@pytest.mark.parametrize("tasks", [[], [FAILED_TASK], [NEXT], [replace(TASK, target_key=".staging/b/0/2-1.mp3")]])
def test_what_is_published_was_made_by_that_very_attempt(tasks: list[AcceptedTask]) -> None:
    assert "no task succeeded" in sources([ROW], tasks)[0]


@pytest.mark.parametrize("state", sorted(set(State) - {State.PUBLISHED, State.FAILED, State.DEAD}))
def test_any_other_end_is_broken(state: State) -> None:
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
def test_a_reason_that_the_service_does_not_confirm_is_broken(row: Row, task: AcceptedTask) -> None:
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
def test_rows_and_objects_that_differ_are_broken(
    rows: list[Row], entered: list[Rendition], objects: dict[str, tuple[str, int]]
) -> None:
    assert len(renditions(rows, entered, objects)) == 1


def test_a_second_conversion_without_any_trouble_is_broken() -> None:
    found = accounts([TASK, AGAIN])
    assert found.figures["excess"] == 1
    assert "t1" in found.problems[0]


def test_a_second_conversion_is_tied_to_the_answer_that_was_lost() -> None:
    found = accounts([TASK, AGAIN], [RESET])
    assert (found.figures["excess"], found.problems) == (1, [])
    assert "reset" in found.ties[0]


def test_an_answer_that_was_lost_ties_no_other_task() -> None:
    assert accounts([TASK, AGAIN], [replace(RESET, task_id="t2")]).problems != []
    assert accounts([TASK, AGAIN], [replace(RESET, task_id="t9")]).problems != []
    assert accounts([TASK, AGAIN], [replace(RESET, operation="GetObject")]).problems != []


@pytest.mark.parametrize("inside", [999.5, 1_003.0, 1_089.5])
def test_a_second_conversion_is_tied_to_a_kill_within_one_of_its_submits(inside: float) -> None:
    found = accounts([TASK, AGAIN], hits=[kill(inside)])
    assert found.problems == []
    assert "kill -9 of worker" in found.ties[0]


@pytest.mark.parametrize("outside", [998.5, 1_020.0, 1_091.0])
def test_a_kill_outside_of_both_submits_explains_nothing(outside: float) -> None:
    assert accounts([TASK, AGAIN], hits=[kill(outside)]).problems != []


def test_a_kill_of_who_has_no_part_in_submits_explains_nothing() -> None:
    assert accounts([TASK, AGAIN], hits=[kill(1_003.0, DAG_PROCESSOR)]).problems != []


def test_a_standstill_that_reaches_into_a_submit_explains_a_late_post() -> None:
    late = replace(TASK, started_ms=1_060_000)
    assert accounts([late, AGAIN], hits=[Hit(WORKER, "SIGSTOP for 40 s", 1_015.0, 1_055.0)]).problems == []


def test_an_attempt_after_a_failed_task_is_no_excess() -> None:
    assert accounts([FAILED_TASK, NEXT]).figures["excess"] == 0


@pytest.mark.parametrize(
    "after",
    [NEXT, replace(NEXT, target_key=".staging/b/0/1-3.mp3"), replace(NEXT, target_key=".staging/b/0/2-1.mp3")],
    ids=["the next attempt", "a later one", "another conversion of the same source"],
)
def test_whatever_follows_a_success_is_one_too_many(after: AcceptedTask) -> None:
    assert accounts([TASK, after]).figures["excess"] == 1


def test_an_attempt_that_failed_twice_was_accepted_once_too_often() -> None:
    assert accounts([FAILED_TASK, replace(AGAIN, status="Failed")]).figures["excess"] == 1


def test_more_than_a_hundredth_in_vain_is_broken_even_when_explained() -> None:
    assert "more than 1 %" in accounts([TASK, AGAIN], [RESET], sources=99).problems[0]
    assert accounts([TASK, AGAIN], [RESET], sources=100).problems == []
