"""The tasks IMM accepted, durable: the row is on the disk before the submitter is answered.

A row is also the outbox of its notification: `notified` becomes 1 only after the message was published, so
one that was cut off in between is published by the next start (at least once, as SMQ itself delivers).
Functions take a connection inside a transaction; times are milliseconds since the epoch.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import NamedTuple

SCHEMA = """
CREATE TABLE IF NOT EXISTS tasks (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    task_id TEXT NOT NULL UNIQUE,
    event_id TEXT NOT NULL,
    request_id TEXT NOT NULL,
    project TEXT NOT NULL,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    process TEXT NOT NULL,
    target_bucket TEXT NOT NULL,
    target_key TEXT NOT NULL,
    topic TEXT,
    status TEXT NOT NULL DEFAULT 'Running',
    code TEXT NOT NULL DEFAULT '',
    message TEXT NOT NULL DEFAULT '',
    started_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    notified INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS tasks_to_do ON tasks (number) WHERE status = 'Running';
CREATE INDEX IF NOT EXISTS tasks_to_tell ON tasks (number)
    WHERE status <> 'Running' AND notified = 0 AND topic IS NOT NULL;
CREATE INDEX IF NOT EXISTS tasks_of_project ON tasks (project, number);
"""

RUNNING, SUCCEEDED, FAILED = "Running", "Succeeded", "Failed"


class NewTask(NamedTuple):
    """A task when it is accepted; `started_ms` is that moment, `topic` is None for no notification."""

    task_id: str
    event_id: str
    request_id: str
    project: str
    bucket: str
    key: str
    process: str
    target_bucket: str
    target_key: str
    topic: str | None
    started_ms: int


class Task(NamedTuple):
    """A task and its status.

    `number` counts in the order of acceptance; `ended_ms` is None while the task runs.
    """

    task_id: str
    event_id: str
    request_id: str
    project: str
    bucket: str
    key: str
    process: str
    target_bucket: str
    target_key: str
    topic: str | None
    started_ms: int
    number: int
    status: str
    code: str
    message: str
    ended_ms: int | None


@dataclass(frozen=True)
class TaskFilter:
    """A listing's filter: None for no condition. Ranges of time are in milliseconds, ends included."""

    project: str
    status: str | None = None
    started_from: int | None = None
    started_to: int | None = None
    ended_from: int | None = None
    ended_to: int | None = None


_COLUMNS = ", ".join(Task._fields)
_ADD = f"INSERT INTO tasks ({', '.join(NewTask._fields)}) VALUES ({', '.join('?' * len(NewTask._fields))})"  # noqa: S608 - names of this file


def add(db: sqlite3.Connection, task: NewTask) -> int:
    """Write an accepted task; its number."""
    return int(db.execute(_ADD, task).lastrowid or 0)


def get(db: sqlite3.Connection, number: int) -> Task:
    """A task that is there, by number."""
    row = db.execute(f"SELECT {_COLUMNS} FROM tasks WHERE number = ?", (number,)).fetchone()  # noqa: S608 - names of this file
    return Task(*row)


def find(db: sqlite3.Connection, project: str, task_id: str) -> Task | None:
    """A task of a project, by the id the submitter was given."""
    row = db.execute(
        f"SELECT {_COLUMNS} FROM tasks WHERE task_id = ? AND project = ?",  # noqa: S608 - names of this file
        (task_id, project),
    ).fetchone()
    return None if row is None else Task(*row)


def unfinished(db: sqlite3.Connection) -> list[tuple[str, int]]:
    """Source bucket and number of the tasks that are not finished, in the order they were accepted."""
    rows = db.execute("SELECT bucket, number FROM tasks WHERE status = 'Running' ORDER BY number")
    return [(row[0], row[1]) for row in rows]


def unnotified(db: sqlite3.Connection) -> list[int]:
    """The numbers of the finished tasks whose notification is not known to be published."""
    return [
        row[0]
        for row in db.execute(
            "SELECT number FROM tasks WHERE status <> 'Running' AND notified = 0 AND topic IS NOT NULL ORDER BY number"
        )
    ]


def finish(db: sqlite3.Connection, number: int, status: str, code: str, message: str, now_ms: int) -> Task:
    """End a task that runs; one that has ended stays as it is. The task as it is now."""
    row = db.execute(
        "UPDATE tasks SET status = ?, code = ?, message = ?, ended_ms = ? WHERE number = ? AND status = 'Running'"  # noqa: S608 - names of this file
        f" RETURNING {_COLUMNS}",
        (status, code, message, now_ms, number),
    ).fetchone()
    return get(db, number) if row is None else Task(*row)


def mark_notified(db: sqlite3.Connection, numbers: Sequence[int]) -> None:
    """Record that the notifications of these tasks are published."""
    db.executemany("UPDATE tasks SET notified = 1 WHERE number = ?", [(number,) for number in numbers])


SORTS = {
    "TaskId": "task_id",
    "StartTime": "started_ms",
    "EndTime": "coalesce(ended_ms, 9223372036854775807)",
}
"""What a listing can be sorted by → the expression; a task that runs ends after all others."""


def listing(
    db: sqlite3.Connection, task_filter: TaskFilter, *, sort: str, descending: bool, after: int, limit: int
) -> list[Task]:
    """Up to `limit` tasks in the order of `sort` (a key of SORTS), after the task numbered `after` (0: all)."""
    order = SORTS[sort]
    conditions = ["project = :project"]
    for condition, bound in (
        ("status = :status", task_filter.status),
        ("started_ms >= :started_from", task_filter.started_from),
        ("started_ms <= :started_to", task_filter.started_to),
        ("ended_ms >= :ended_from", task_filter.ended_from),
        ("ended_ms <= :ended_to", task_filter.ended_to),
    ):
        if bound is not None:
            conditions.append(condition)
    if after:
        sign = "<" if descending else ">"
        last = f"SELECT {order}, number FROM tasks WHERE number = :after"  # noqa: S608 - names of this file
        conditions.append(f"({order}, number) {sign} ({last})")
    direction = "DESC" if descending else "ASC"
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM tasks WHERE {' AND '.join(conditions)} "  # noqa: S608 - names of this file
        f"ORDER BY {order} {direction}, number {direction} LIMIT :limit",
        {**asdict(task_filter), "after": after, "limit": limit},
    )
    return [Task(*row) for row in rows]
