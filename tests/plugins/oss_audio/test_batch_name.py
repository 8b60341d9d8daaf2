"""The names of batches: one for each pipeline of a DAG run."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, TaskGroup, task_group
from airflow.sdk.exceptions import DuplicateTaskIdFound

from oss_audio.batch_name import batch_name, run_name
from oss_audio.batch_pipeline import batch_pipeline

SELECTION = {"bucket": "media", "prefix": "incoming/", "profiles": "mobile-mp3"}


def context(map_index: int = -1) -> Any:
    """As much of a task's context as names need."""
    return {
        "dag_run": SimpleNamespace(dag_id="a_dag", run_id="night-1"),
        "ti": SimpleNamespace(map_index=map_index),
    }


@pytest.mark.parametrize(
    ("task_id", "map_index", "name"),
    [
        ("list", -1, "a_dag/night-1"),
        ("requeue", -1, "a_dag/night-1"),
        ("music.list", -1, "a_dag/night-1/music"),
        ("music.requeue", -1, "a_dag/night-1/music"),
        ("archive.voice.list", -1, "a_dag/night-1/archive.voice"),
        ("list_music", -1, "a_dag/night-1/list_music"),
        ("music.list_all", -1, "a_dag/night-1/music.list_all"),
        ("list", 0, "a_dag/night-1[0]"),
        ("music.list", 12, "a_dag/night-1/music[12]"),
    ],
)
def test_each_pipeline_of_a_run_has_a_name_of_its_own(task_id: str, map_index: int, name: str) -> None:
    assert batch_name(context(map_index), task_id) == name
    assert run_name(context(map_index)) == "a_dag/night-1"


def test_pipelines_in_task_groups_have_tasks_of_their_own() -> None:
    with DAG("two_pipelines", schedule=None) as dag:
        for group in ("music", "voice"):
            with TaskGroup(group):
                batch_pipeline(selection=SELECTION)
    firsts = sorted(task.task_id for task in dag.tasks if not task.upstream_task_ids)
    lasts = sorted(task.task_id for task in dag.tasks if not task.downstream_task_ids)
    assert (firsts, lasts) == (["music.list", "voice.list"], ["music.report", "voice.report"])


def test_two_pipelines_without_task_groups_are_refused_when_the_dag_is_read() -> None:
    with DAG("two_pipelines", schedule=None):
        batch_pipeline(selection=SELECTION)
        with pytest.raises(DuplicateTaskIdFound, match="'list'"):
            batch_pipeline(selection=SELECTION)


def test_a_pipeline_in_a_mapped_task_group_is_refused_when_the_dag_is_read() -> None:
    with DAG("mapped_pipelines", schedule=None):

        @task_group
        def pipeline(prefix: str) -> None:
            batch_pipeline(selection={**SELECTION, "prefix": prefix})

        with pytest.raises(NotImplementedError, match="expan"):
            pipeline.expand(prefix=["incoming/music/", "incoming/voice/"])
