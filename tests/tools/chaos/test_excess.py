"""Conversions that were accepted twice: each is explained by a fault or an injection, or is a problem."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from oss_local_cloud.fault_injection.records import AcceptedTask, Fault
from tests.tools.chaos.sample_tasks import AGAIN, FAILED_TASK, KEY, NEXT, TASK
from tools.chaos.checker import CheckResult
from tools.chaos.excess import PossibleCauses, check_excess
from tools.chaos.moves import Claim
from tools.chaos.targets import Injection
from tools.stack.components import DAG_PROCESSOR, WORKER

CLAIMS = (Claim(1, 1, 999.0, 1_031.0), Claim(1, 1, 1_089.0, 1_090.5))
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


def excess(
    tasks: Sequence[AcceptedTask],
    faults: Sequence[Fault] = (),
    injections: Sequence[Injection] = (),
    sources: int = 199,
) -> CheckResult:
    result = CheckResult()
    check_excess(sources, tasks, PossibleCauses(faults, injections, CLAIMS), result)
    return result


def kill(at: float, target: str = WORKER) -> Injection:
    return Injection(target, "kill -9", at, at)


def test_a_single_task_is_no_problem() -> None:
    assert excess([TASK]).problems == []


def test_a_second_conversion_without_a_cause_is_a_problem() -> None:
    found = excess([TASK, AGAIN])
    assert found.figures["excess"] == 1
    assert "t1" in found.problems[0]


def test_a_second_conversion_is_explained_by_a_lost_answer() -> None:
    found = excess([TASK, AGAIN], [RESET])
    assert (found.figures["excess"], found.problems) == (1, [])
    assert "reset" in found.explained[0]


def test_a_lost_answer_explains_no_other_task() -> None:
    assert excess([TASK, AGAIN], [replace(RESET, task_id="t2")]).problems != []
    assert excess([TASK, AGAIN], [replace(RESET, task_id="t9")]).problems != []
    assert excess([TASK, AGAIN], [replace(RESET, operation="GetObject")]).problems != []


@pytest.mark.parametrize("inside", [999.5, 1_003.0, 1_089.5])
def test_a_second_conversion_is_explained_by_a_kill_within_one_of_its_submits(inside: float) -> None:
    found = excess([TASK, AGAIN], injections=[kill(inside)])
    assert found.problems == []
    assert "kill -9 of worker" in found.explained[0]


@pytest.mark.parametrize("outside", [998.5, 1_020.0, 1_091.0])
def test_a_kill_outside_of_both_submits_explains_nothing(outside: float) -> None:
    assert excess([TASK, AGAIN], injections=[kill(outside)]).problems != []


def test_a_kill_of_a_process_without_part_in_submits_explains_nothing() -> None:
    assert excess([TASK, AGAIN], injections=[kill(1_003.0, DAG_PROCESSOR)]).problems != []


def test_a_stop_that_reaches_into_a_submit_explains_a_late_post() -> None:
    late = replace(TASK, started_ms=1_060_000)
    assert excess([late, AGAIN], injections=[Injection(WORKER, "SIGSTOP for 40 s", 1_015.0, 1_055.0)]).problems == []


def test_an_attempt_after_a_failed_task_is_no_excess() -> None:
    assert excess([FAILED_TASK, NEXT]).figures["excess"] == 0


@pytest.mark.parametrize(
    "after",
    [NEXT, replace(NEXT, target_key=".staging/b/0/1-3.mp3"), replace(NEXT, target_key=".staging/b/0/2-1.mp3")],
    ids=["the next attempt", "a later one", "another conversion of the same source"],
)
def test_any_task_after_a_success_is_an_excess(after: AcceptedTask) -> None:
    assert excess([TASK, after]).figures["excess"] == 1


def test_an_attempt_that_failed_twice_is_an_excess() -> None:
    assert excess([FAILED_TASK, replace(AGAIN, status="Failed")]).figures["excess"] == 1


def test_more_than_one_percent_is_a_problem_even_when_explained() -> None:
    assert "more than 1 %" in excess([TASK, AGAIN], [RESET], sources=99).problems[0]
    assert excess([TASK, AGAIN], [RESET], sources=100).problems == []
