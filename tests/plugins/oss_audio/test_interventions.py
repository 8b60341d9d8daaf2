"""What a person or Airflow may do to a run at any moment (docs/interventions.md): nothing is submitted twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.operators.list_sources import OSSAudioListOperator
from oss_audio.operators.plan import OSSAudioPlanOperator
from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.cancelling import Cancelled, cancel_batch
from tests.plugins.oss_audio.operator_classes import operator_classes

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment

TASKS = ("list", "plan", "convert", "await", "verify", "publish", "report")
STOPS = TASKS[:-1]
"""A run may be stopped after each of these; after the last one nothing is left to do."""

REST = ("plan", "convert", "await", "verify", "publish", "export", "report")
"""What follows the listing."""


Begin = Callable[[str], Any]
Count = Callable[[], int]
PUBLISHED = [(State.PUBLISHED, 1)] * 2


def write(deployment: Deployment, statement: str) -> None:
    """Change the catalogue behind the product's back."""
    opened = deployment.catalogue()
    with opened.write() as connection:
        connection.exec_driver_sql(statement)
    opened.close()


def die_inside_the_submit(deployment: Deployment) -> None:
    """As the catalogue stands when a worker is killed after OSS accepted and before the TaskId was written."""
    write(
        deployment,
        "UPDATE conversion SET state = 'submitting', task_id = NULL, submitted_at = NULL, token = 'of the dead', "
        "lease_until = '2020-01-01 00:00:00.000000'",
    )


@pytest.mark.parametrize("stopped_after", STOPS)
def test_what_a_stopped_run_left_is_finished_by_the_next_one(
    deployment: Deployment, begin: Begin, accepted: Count, stopped_after: str
) -> None:
    stopped = begin("stopped").through(stopped_after)
    following = begin("following").through("report")
    assert accepted() == 2
    done = stopped if stopped_after == "publish" else following
    assert done.states() == PUBLISHED
    assert following.report["published"] == len(following.states())


@pytest.mark.parametrize("stopped_after", STOPS)
def test_a_run_that_is_cleared_goes_on_where_it_stopped(
    deployment: Deployment, begin: Begin, accepted: Count, stopped_after: str
) -> None:
    begin("one").through(stopped_after)
    # Its XComs are gone, as they are when a run is deleted and begun again under its name.
    assert begin("one").through("report").states() == PUBLISHED
    assert accepted() == 2


def planned_run(deployment: Deployment, **changes: Any) -> Any:
    """List, and plan, what a run named `night` is asked for."""
    where = {"bucket": deployment.cloud.bucket, "prefix": deployment.prefix, "profiles": "mobile-mp3"}
    context = deployment.context("night")
    listed = OSSAudioListOperator(task_id="list", **(where | changes)).execute(context)
    OSSAudioPlanOperator(task_id="plan", batch=listed).execute(context)
    return listed


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"force": True}, "another force"),
        ({"profiles": "mobile-mp3, voice-amr-nb", "limit": 7}, "another profiles, limit"),
        ({"modified_before": "2026-01-01T00:00:00+00:00"}, "another modified_before"),
        ({"dry_run": True}, "another dry_run"),
    ],
)
def test_a_run_that_is_asked_for_something_else_when_it_is_planned_says_so(
    deployment: Deployment, changes: dict[str, Any], named: str
) -> None:
    deployment.put("a.wav")
    first = planned_run(deployment)
    with pytest.raises(AirflowFailException, match=rf"'a_dag/night' is planned already, with {named}: trigger a new"):
        planned_run(deployment, **changes)
    assert planned_run(deployment) == first


def test_a_run_that_is_cleared_keeps_its_plan_whatever_the_time_and_the_deployments_folders_are(
    deployment: Deployment,
) -> None:
    deployment.put("a.wav")
    first = planned_run(deployment, max_age=1)
    assert planned_run(deployment, max_age=1, staging_prefix="elsewhere/", catalogue_prefix="") == first


@pytest.mark.parametrize("by", ["one", "following"])
def test_a_run_that_died_inside_a_submit_is_looked_into_and_not_repeated(
    deployment: Deployment, begin: Begin, accepted: Count, by: str
) -> None:
    begin("one").through("convert")
    die_inside_the_submit(deployment)
    assert begin(by).through("report").states() == PUBLISHED
    assert accepted() == 2


@pytest.mark.parametrize("task", TASKS)
def test_a_task_that_is_cleared_alone_repeats_nothing(
    deployment: Deployment, begin: Begin, accepted: Count, task: str
) -> None:
    run = begin("one").through(task).tasks(task)
    assert accepted() == (2 if TASKS.index(task) >= TASKS.index("convert") else 0)
    if task != "report":
        run.onwards(TASKS[TASKS.index(task) + 1])
    run.tasks(task)
    assert run.states() == PUBLISHED
    assert accepted() == 2


@pytest.mark.parametrize("task", TASKS)
def test_a_task_that_is_cleared_with_its_downstream_repeats_nothing(
    deployment: Deployment, begin: Begin, accepted: Count, task: str
) -> None:
    run = begin("one").through("report").onwards(task)
    assert run.states() == PUBLISHED
    assert run.report["published"] == 2
    assert accepted() == 2


@pytest.mark.parametrize("task", ["plan", "convert", "await", "verify", "publish"])
@pytest.mark.parametrize("then", ["cleared", "next run"])
def test_a_task_that_was_marked_without_having_run_fails_the_report_and_loses_nothing(
    deployment: Deployment, begin: Begin, accepted: Count, task: str, then: str
) -> None:
    run = begin("one").through(TASKS[TASKS.index(task) - 1])
    with pytest.raises(AirflowFailException, match=r"not finished|was never planned"):
        run.onwards(TASKS[TASKS.index(task) + 1])
    finisher = run.onwards(task) if then == "cleared" else begin("next").through("report")
    assert finisher.states() == PUBLISHED
    assert accepted() == 2


def test_a_run_whose_batch_was_deleted_fails_and_the_next_one_takes_over(
    deployment: Deployment, begin: Begin, accepted: Count
) -> None:
    orphaned = begin("one").through("convert")
    write(deployment, "DELETE FROM batch")
    for task in REST:
        with pytest.raises(AirflowFailException, match="no such batch"):
            orphaned.tasks(task)
    following = begin("following").through("plan")
    # SQLite gives the number of the deleted row again: it is another batch all the same.
    assert following.listed["batch"] == orphaned.listed["batch"]
    for task in REST:
        with pytest.raises(AirflowFailException, match="no such batch"):
            orphaned.tasks(task)
    assert following.onwards("convert").states() == PUBLISHED
    assert accepted() == 2


def test_a_batch_that_joined_a_cancelled_one_is_seen_through(
    deployment: Deployment, begin: Begin, accepted: Count
) -> None:
    first, second = begin("first").through("plan"), begin("second").through("plan")
    catalogue = deployment.catalogue()
    assert cancel_batch(catalogue, "a_dag/first") == Cancelled(cancelled=0, left_to_others=2, in_flight=0)
    catalogue.close()
    assert first.onwards("convert").report["wanted"] == 0
    assert accepted() == 0
    assert second.onwards("convert").states() == PUBLISHED
    assert accepted() == 2


def test_what_was_cancelled_is_planned_anew_and_what_was_in_flight_is_collected(
    deployment: Deployment, begin: Begin, accepted: Count
) -> None:
    run = begin("one").through("convert")
    deployment.put("c.wav")
    late = begin("late").through("plan")
    catalogue = deployment.catalogue()
    # Only c.wav isn't submitted.
    assert cancel_batch(catalogue, "a_dag/late") == Cancelled(cancelled=1, left_to_others=0, in_flight=2)
    catalogue.close()
    assert late.onwards("convert").states() == [*PUBLISHED, (State.CANCELLED, 1)]
    assert accepted() == 2
    assert run.onwards("await").states() == PUBLISHED
    assert begin("next").through("report").states() == [(State.PUBLISHED, 1)]
    assert accepted() == 3


@pytest.mark.parametrize("operator", operator_classes())
def test_killing_a_task_undoes_nothing(operator: type[BaseOperator]) -> None:
    assert operator.on_kill is BaseOperator.on_kill
