"""The table of tasks: acceptance, end, notification, and listings by pages."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from oss_local_cloud.imm import tasks
from oss_local_cloud.imm.tasks import FAILED, RUNNING, SUCCEEDED, NewTask, TaskFilter


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.executescript(tasks.SCHEMA)
    yield connection
    connection.close()


def add(db: sqlite3.Connection, name: str, *, topic: str | None = "t", started_ms: int = 0) -> int:
    return tasks.add(db, NewTask(name, "e", "r", "p", "b", f"{name}.wav", "process", "b", name, topic, started_ms))


def test_a_task_is_unfinished_then_unnotified_then_neither(db: sqlite3.Connection) -> None:
    first, second, silent = add(db, "1"), add(db, "2"), add(db, "3", topic=None)
    assert tasks.unfinished(db) == [("b", first), ("b", second), ("b", silent)]
    ended = tasks.finish(db, first, SUCCEEDED, "", "", 5)
    assert (ended.status, ended.ended_ms) == (SUCCEEDED, 5)
    tasks.finish(db, silent, FAILED, "Code", "message", 6)
    assert tasks.unfinished(db) == [("b", second)]
    assert tasks.unnotified(db) == [first]
    tasks.mark_notified(db, [first])
    assert tasks.unnotified(db) == []


def test_a_task_ends_once(db: sqlite3.Connection) -> None:
    number = add(db, "1")
    tasks.finish(db, number, SUCCEEDED, "", "", 5)
    assert tasks.finish(db, number, FAILED, "Code", "late", 6).status == SUCCEEDED


def test_a_task_is_found_in_its_project_only(db: sqlite3.Connection) -> None:
    number = add(db, "1")
    assert tasks.find(db, "p", "1") == tasks.get(db, number)
    assert tasks.find(db, "other", "1") is None


@pytest.mark.parametrize("sort", list(tasks.SORTS))
@pytest.mark.parametrize("descending", [False, True])
def test_pages_together_are_the_whole_listing(db: sqlite3.Connection, sort: str, descending: bool) -> None:
    numbers = [add(db, str(number), started_ms=number // 2) for number in range(7)]
    tasks.finish(db, numbers[3], SUCCEEDED, "", "", 9)
    condition = TaskFilter("p")
    whole = tasks.listing(db, condition, sort=sort, descending=descending, after=0, limit=100)
    paged, after = [], 0
    while page := tasks.listing(db, condition, sort=sort, descending=descending, after=after, limit=2):
        paged += page
        after = page[-1].number
    assert paged == whole
    assert {task.number for task in whole} == set(numbers)


def test_a_listing_is_filtered_by_status_and_times(db: sqlite3.Connection) -> None:
    numbers = [add(db, str(number), started_ms=number) for number in range(4)]
    tasks.finish(db, numbers[1], SUCCEEDED, "", "", 9)

    def found(condition: TaskFilter) -> list[int]:
        return [t.number for t in tasks.listing(db, condition, sort="TaskId", descending=False, after=0, limit=9)]

    assert found(TaskFilter("p", status=RUNNING)) == [numbers[0], *numbers[2:]]
    assert found(TaskFilter("p", started_from=1, started_to=2)) == numbers[1:3]
    assert found(TaskFilter("p", ended_from=9, ended_to=9)) == numbers[1:2]
    assert found(TaskFilter("other")) == []
