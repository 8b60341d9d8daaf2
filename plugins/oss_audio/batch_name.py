"""The names of DAG runs and of the batches that they begin."""

from __future__ import annotations

from airflow.sdk import Context

LIST, REQUEUE = "list", "requeue"
"""Task ids of the first step of a batch, as `batch_pipeline` gives them."""


def run_name(context: Context) -> str:
    """The name of the DAG run: `dag_id/run_id`."""
    run = context["dag_run"]
    return f"{run.dag_id}/{run.run_id}"


def batch_name(context: Context, task_id: str) -> str:
    """The name of the batch that a first task begins: a cleared or retried run finds its batch again by it.

    A pipeline at the top level of its DAG has one batch a run, `dag_id/run_id`. Each further pipeline is a batch
    of its own: the task group of its first task follows, or the whole task id where that is not the usual one,
    and a mapped task's index.

    Args:
        context: of the task.
        task_id: of the first task, with its task groups: `list`, `music.list`, `list_music`.

    Returns:
        `dag_id/run_id`, `dag_id/run_id/music`, `dag_id/run_id/list_music`, `dag_id/run_id/music[3]` and so on.
    """
    pipeline = pipeline_of(task_id)
    index = context["ti"].map_index
    mapped = "" if index is None or index < 0 else f"[{index}]"
    return run_name(context) + (f"/{pipeline}{mapped}" if pipeline else mapped)


def pipeline_of(task_id: str) -> str:
    """The pipeline within its DAG, by the id of its first task; empty: the one at the top level."""
    group, _, own = task_id.rpartition(".")
    return group if own in {LIST, REQUEUE} else task_id
