"""Notes of runs and tasks in Airflow's UI: written by tasks as XComs, entered by the scheduler when the run ends.

A task has no way of its own to set a note. The scheduler calls the listeners of plugins when a run ends.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

log = logging.getLogger(__name__)

RUN_NOTE = "oss_audio_run_note"
"""XCom of `report`: what the batch came to, in a few lines."""

TASK_NOTE = "oss_audio_task_note"
"""XCom of a task that failed: the sentence that names cause and remedy."""

HEADING = "Audio batch:"
"""First words of what is entered in a run's note. What a person wrote before it stays."""

LONGEST = 1000
"""Most characters of a note."""


def leave(key: str, note: str) -> None:
    """Leave a note for the scheduler, as an XCom of the task that runs. Outside of a task it is dropped.

    Args:
        key: `RUN_NOTE` or `TASK_NOTE`.
        note: plain text; what is longer than `LONGEST` is cut.
    """
    from airflow.sdk import get_current_context

    try:
        context = get_current_context()
    except RuntimeError:
        return
    try:
        context["ti"].xcom_push(key=key, value=note[:LONGEST])
    except Exception:
        # What the note is about is in the log as well, and more important than the note.
        log.warning("the note can't be stored", exc_info=True)


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:
    """Enter the notes of a run that has succeeded."""
    enter(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:
    """Enter the notes of a run that has failed."""
    enter(dag_run)


def enter(dag_run: DagRun) -> None:
    """Enter what the tasks of a run have left: in the transaction in which the scheduler ends the run."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return
    left = select(XComModel).where(XComModel.dag_run_id == dag_run.id, XComModel.key.in_([RUN_NOTE, TASK_NOTE]))
    found = session.scalars(left.order_by(XComModel.task_id, XComModel.map_index)).all()
    if not found:
        return
    if of_run := [_text(row) for row in found if row.key == RUN_NOTE]:
        dag_run.note = merged(dag_run.note, of_run)
    sentences = {(row.task_id, row.map_index): _text(row) for row in found if row.key == TASK_NOTE}
    if sentences:
        failed = select(TaskInstance).where(
            TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id, TaskInstance.state == "failed"
        )
        for task in session.scalars(failed):
            if (sentence := sentences.get((task.task_id, task.map_index))) and not task.note:
                task.note = sentence


def merged(note: str | None, batches: Iterable[str]) -> str:
    """A run's note with the lines of its batches in place of those of an earlier end of the run."""
    written = (note or "").partition(HEADING)[0].rstrip()
    return "\n\n".join(filter(None, [written, *(f"{HEADING} {one}" for one in batches)]))[:LONGEST]


def _text(row: Any) -> str:
    return str(type(row).deserialize_value(row))
