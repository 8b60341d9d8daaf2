"""Notes of runs: what a person wrote stays, what an earlier end of the run left is replaced."""

from __future__ import annotations

import pytest

from oss_audio import notes
from oss_audio.notes import HEADING, LONGEST, RUN_NOTE, leave, merged


@pytest.mark.parametrize(
    ("before", "batches", "after"),
    [
        (None, ["3 files: 3 published."], f"{HEADING} 3 files: 3 published."),
        (f"{HEADING} 3 files: 1 failed.", ["3 files: 3 published."], f"{HEADING} 3 files: 3 published."),
        ("asked Li about it", ["done"], f"asked Li about it\n\n{HEADING} done"),
        (f"asked Li\n\n{HEADING} old\n\n{HEADING} older", ["a", "b"], f"asked Li\n\n{HEADING} a\n\n{HEADING} b"),
    ],
)
def test_a_persons_note_stays_and_the_batches_lines_are_replaced(
    before: str | None, batches: list[str], after: str
) -> None:
    assert merged(before, batches) == after


def test_a_note_is_no_longer_than_airflow_keeps() -> None:
    assert len(merged("x" * 900, ["y" * 900])) == LONGEST


def test_outside_of_a_task_nothing_is_left() -> None:
    leave(RUN_NOTE, "dropped")


# Airflow's own: it reads .airflowignore with a class that pathspec is giving up.
@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")
def test_the_scheduler_calls_both_ends_of_a_run() -> None:
    from airflow.listeners.listener import get_listener_manager

    hook = get_listener_manager().hook
    for end in (hook.on_dag_run_success, hook.on_dag_run_failed):
        assert [one.plugin for one in end.get_hookimpls() if one.plugin is notes] == [notes]
