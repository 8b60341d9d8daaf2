"""Failures tried again from the form of `requeue_failed`: what is chosen, what becomes of it, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.batch_params import FAILURES, SELECTION, batch_params, requeue_params
from oss_audio.operators.list_sources import OSSAudioListOperator
from oss_audio.operators.requeue import OSSAudioRequeueOperator
from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.schema import conversion

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment, Run

Begin = Callable[[str], "Run"]
Count = Callable[[], int]


def requeueing(**entered: Any) -> OSSAudioRequeueOperator:
    """The task as a worker has it: the DAG's arguments, rendered with what was entered into the form."""
    task = OSSAudioRequeueOperator(task_id="requeue", **FAILURES)
    params = {name: param.resolve() for name, param in requeue_params().items()} | entered
    task.render_template_fields({"params": params})
    return task


def failed(deployment: Deployment, name: str = "bad.wav") -> tuple[State, int, int]:
    """State, attempt and most attempts of a source's conversion."""
    opened = deployment.catalogue()
    with opened.read() as connection:
        columns = conversion.c.state, conversion.c.attempt, conversion.c.max_attempts
        row = connection.execute(sa.select(*columns).where(conversion.c.key == deployment.prefix + name)).one()
    opened.close()
    return State(row.state), row.attempt, row.max_attempts


@pytest.fixture
def night(deployment: Deployment, begin: Begin) -> Run:
    """A run that published two conversions; the service refused the third one's source."""
    deployment.put("bad.wav", b"no audio at all")
    run = begin("night").through("publish")
    assert failed(deployment) == (State.FAILED, 1, 3)
    return run


@pytest.fixture
def buried(deployment: Deployment, night: Run) -> None:
    """The same, after the night that found no attempts left."""
    opened = deployment.catalogue()
    with opened.write() as connection:
        connection.execute(
            sa.update(conversion).where(conversion.c.state == "failed").values(state=State.DEAD.value, attempt=3)
        )
    opened.close()


@pytest.mark.parametrize(
    "entered",
    [
        {},
        {"failed_batch": "a_dag/night", "code": "InvalidMedia", "profile": "mobile-mp3", "limit": 1},
    ],
    ids=["the form as it is", "everything filled in"],
)
def test_a_failure_is_planned_submitted_and_reported_again(
    deployment: Deployment, begin: Begin, night: Run, accepted: Count, entered: dict[str, Any]
) -> None:
    run = begin("again")
    run.listed = requeueing(**entered).execute(run.context)
    assert failed(deployment) == (State.PLANNED, 2, 3)
    run.tasks("plan", "convert", "await", "verify", "publish", "export")
    assert failed(deployment) == (State.FAILED, 2, 3)
    assert run.states() == [(State.FAILED, 2)]
    assert accepted() == 3 + 1
    with pytest.raises(AirflowFailException, match="1 of 1 conversions failed"):
        run.tasks("report")


def test_a_cleared_task_tries_nothing_a_third_time(
    deployment: Deployment, begin: Begin, night: Run, accepted: Count
) -> None:
    run = begin("again")
    first = requeueing().execute(run.context)
    assert requeueing().execute(run.context) == first
    run.listed = first
    run.tasks("plan", "convert", "await")
    assert requeueing().execute(run.context) == first
    run.tasks("plan", "convert", "await")
    assert failed(deployment) == (State.FAILED, 2, 3)
    assert accepted() == 3 + 1


@pytest.mark.usefixtures("buried")
def test_a_dead_one_gets_the_attempts_that_the_form_says(deployment: Deployment) -> None:
    requeueing(dead=True, attempts=2).execute(deployment.context())
    assert failed(deployment) == (State.PLANNED, 4, 5)


@pytest.mark.usefixtures("buried")
@pytest.mark.parametrize(
    ("entered", "said"),
    [
        ({}, r"with no attempts left \(tick \*Dead ones, too\*\): 1 InvalidMedia \(dead\) of mobile-mp3"),
        ({"failed_batch": "a_dag/day"}, "there is no batch 'a_dag/day'; the latest are 'a_dag/night'"),
        ({"dead": True, "code": "Nonsense"}, "no failure is as wanted; there are: 1 InvalidMedia"),
        ({"dead": True, "profile": "web-oga"}, "no failure is as wanted"),
        ({"dead": "perhaps"}, "dead is 'perhaps': give true or false"),
        ({"attempts": 0}, "attempts is 0: give 1 or more"),
        ({"limit": "many"}, "limit is 'many': give a whole number"),
    ],
)
def test_what_can_not_be_tried_again_fails_at_once_and_changes_nothing(
    deployment: Deployment, entered: dict[str, Any], said: str
) -> None:
    with pytest.raises(AirflowFailException, match=said):
        requeueing(**entered).execute(deployment.context())
    assert failed(deployment) == (State.DEAD, 3, 3)


def test_an_unknown_param_tries_nothing_again(deployment: Deployment, night: Run) -> None:
    context = deployment.context()
    context["dag_run"].conf = {"reason": "InvalidMedia"}
    with DAG("d", schedule=None, params=requeue_params()):
        task = OSSAudioRequeueOperator(task_id="requeue")
    with pytest.raises(AirflowFailException, match="unknown Param 'reason': choose from attempts, code, dead"):
        task.execute(context)
    assert failed(deployment) == (State.FAILED, 1, 3)


def test_a_param_by_its_earlier_name_is_refused_with_its_name_of_now(deployment: Deployment) -> None:
    context = deployment.context()
    context["dag_run"].conf = {"glob": "in/*.wav"}
    with DAG("d", schedule=None, params=batch_params()):
        task = OSSAudioListOperator(task_id="list", **SELECTION)
    with pytest.raises(
        AirflowFailException, match=r"unknown Param 'glob' \(it is 'include' now\): choose from bucket, "
    ):
        task.execute(context)
