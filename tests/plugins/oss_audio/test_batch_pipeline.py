"""Several pipelines in one DAG are several batches, each in a task group; what can't be a batch is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pendulum
import pytest
from airflow.sdk import DAG, TaskGroup, task_group
from airflow.sdk.exceptions import AirflowFailException, DuplicateTaskIdFound

from oss_audio.batch_pipeline import batch_pipeline
from oss_audio.operators.list_sources import OSSAudioListOperator
from oss_audio.operators.plan import OSSAudioPlanOperator
from oss_audio.operators.report import OSSAudioReportOperator
from oss_audio.operators.requeue import OSSAudioRequeueOperator

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment

SELECTION = {"bucket": "media", "prefix": "in/", "profiles": "mobile-mp3"}
STEPS = ["export", "list", "plan", "report", "shard.await", "shard.convert", "shard.publish", "shard.verify"]


def name_of(dag: DAG, task_id: str, *, map_index: int = -1) -> str:
    context: Any = {
        "dag_run": SimpleNamespace(dag_id=dag.dag_id, run_id="a_run"),
        "ti": SimpleNamespace(map_index=map_index),
    }
    task: Any = dag.get_task(task_id)
    return str(task.batch_name(context))


@pytest.fixture
def dag() -> DAG:
    return DAG("d", schedule=None, start_date=pendulum.datetime(2026, 1, 1))


def test_the_only_pipeline_of_a_dag_is_named_after_the_run(dag: DAG) -> None:
    with dag:
        batch_pipeline(selection=SELECTION)
    assert sorted(dag.task_ids) == STEPS
    assert name_of(dag, "list") == "d/a_run"


def test_pipelines_in_task_groups_are_named_after_their_groups(dag: DAG) -> None:
    with dag:
        with TaskGroup("music") as music:
            batch_pipeline(selection=SELECTION)
        with TaskGroup("voice") as voice:
            batch_pipeline(failures={"failed_batch": "d/another_run"}, group_id="again")
        batch_pipeline(selection=SELECTION)
        music >> voice
    again = [f"voice.again.{step}" for step in STEPS if step != "list"]
    expected = [*STEPS, *(f"music.{step}" for step in STEPS), "voice.again.requeue", *again]
    assert sorted(dag.task_ids) == sorted(expected)
    first = "list", "music.list", "voice.again.requeue"
    assert [name_of(dag, task_id) for task_id in first] == ["d/a_run", "d/a_run/music", "d/a_run/voice.again"]
    # Each pipeline keeps to its own tasks, after what its group is after.
    assert dag.get_task("music.plan").upstream_task_ids == {"music.list"}
    assert dag.get_task("voice.again.requeue").upstream_task_ids == {"music.report"}
    assert dag.get_task("list").upstream_task_ids == set()


def test_two_pipelines_in_one_place_are_refused_when_the_file_is_parsed(dag: DAG) -> None:
    with dag:
        batch_pipeline(selection=SELECTION)
        for group_id in (None, "music"):
            if group_id:
                batch_pipeline(selection=SELECTION, group_id=group_id)
            with pytest.raises(DuplicateTaskIdFound, match=r"give every further one another group_id="):
                batch_pipeline(selection=SELECTION, group_id=group_id)
        batch_pipeline(selection=SELECTION, group_id="voice")


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (
            {"selection": {**SELECTION, "prefixs": "in/"}},
            "selection has no key 'prefixs': choose from bucket, ",
        ),
        ({"selection": {**SELECTION, "a": 1, "b": 2}}, "selection has no key 'a', 'b': choose from "),
        (
            {"selection": {**SELECTION, "staging_prefix": ".s/"}},
            "selection has no key 'staging_prefix'; give it to batch_pipeline itself",
        ),
        ({"failures": {"codes": "x"}}, "failures has no key 'codes': choose from failed_batch, code, "),
    ],
)
def test_an_unknown_key_is_named_with_the_known_ones(dag: DAG, arguments: dict[str, Any], problem: str) -> None:
    with dag, pytest.raises(ValueError, match=re.escape(problem)):
        batch_pipeline(**arguments)


def test_arguments_of_every_operator_are_taken(dag: DAG) -> None:
    with dag:
        batch_pipeline(selection={**SELECTION, "pool": "oss", "retries": 9})
    assert (dag.get_task("list").pool, dag.get_task("list").retries) == ("oss", 9)


def test_an_expanded_group_is_refused_when_the_file_is_parsed(dag: DAG) -> None:
    @task_group
    def tenant(prefix: str) -> None:
        batch_pipeline(selection={**SELECTION, "prefix": prefix})

    with dag, pytest.raises(NotImplementedError, match=r"expanded: .* in a loop with group_id="):
        tenant.expand(prefix=["a/", "b/"])


@pytest.mark.parametrize("about", [{}, {"selection": SELECTION, "failures": {}}])
def test_a_batch_is_about_a_selection_or_failures(dag: DAG, about: dict[str, Any]) -> None:
    with dag, pytest.raises(ValueError, match="give either selection or failures"):
        batch_pipeline(**about)


def test_first_steps_laid_by_hand_are_named_after_their_ids_and_map_indexes(dag: DAG) -> None:
    with dag:
        OSSAudioListOperator(task_id="list_music", **SELECTION)
        OSSAudioRequeueOperator(task_id="requeue")
    assert name_of(dag, "list_music") == "d/a_run/list_music"
    assert name_of(dag, "list_music", map_index=3) == "d/a_run/list_music[3]"
    assert name_of(dag, "requeue", map_index=0) == "d/a_run[0]"


def test_first_steps_that_would_share_a_batch_fail_at_once(deployment: Deployment, dag: DAG) -> None:
    with dag:
        OSSAudioListOperator.partial(task_id="list", profiles="mobile-mp3").expand(bucket=["media"])
        again = OSSAudioRequeueOperator(task_id="requeue")
    with pytest.raises(AirflowFailException, match="tasks 'requeue' and 'list' would share a batch"):
        again.execute(deployment.context())


def test_each_pipeline_of_a_run_lists_plans_and_reports_its_own(
    deployment: Deployment, begin: Callable[[str], Any], tmp_path: Path
) -> None:
    for name in ("music/a.wav", "music/b.wav", "voice/c.wav"):
        deployment.put(name)
    context = deployment.context("night")
    listed, shards = {}, {}
    # Both list before either plans, as tasks do that run side by side.
    for group in ("music", "voice"):
        listed[group] = OSSAudioListOperator(
            task_id=f"{group}.list",
            bucket=deployment.cloud.bucket,
            prefix=f"{deployment.prefix}{group}/",
            profiles="mobile-mp3",
        ).execute(context)
    for group in ("music", "voice"):
        shards[group] = OSSAudioPlanOperator(task_id=f"{group}.plan", batch=listed[group]).execute(context)
        run = begin("night")
        run.listed, run.shards = listed[group], shards[group]
        run.tasks("convert", "await", "verify", "publish", "export")
        OSSAudioReportOperator(task_id=f"{group}.report", batch=listed[group], reports=str(tmp_path)).execute(context)
    assert listed["music"]["batch"] != listed["voice"]["batch"]
    assert [len(deployment.rows(listed[group]["batch"])) for group in ("music", "voice")] == [2, 1]
    reports = {path.name.rpartition("-")[0]: path.read_text(encoding="utf-8") for path in tmp_path.glob("*.md")}
    assert reports.keys() == {"a_dag_night_music", "a_dag_night_voice"}
    assert "**2 published, 0 failed**" in reports["a_dag_night_music"]
    assert "**1 published, 0 failed**" in reports["a_dag_night_voice"]
