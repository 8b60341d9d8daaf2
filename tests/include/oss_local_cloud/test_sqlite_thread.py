"""Group commit: each call succeeds or fails on its own, in order, and none is acknowledged before its commit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from oss_local_cloud.sqlite_thread import SqliteThread

SCHEMA = "CREATE TABLE IF NOT EXISTS numbers (number INTEGER PRIMARY KEY)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "numbers.db"


@pytest.fixture
def thread(path: Path) -> Iterator[SqliteThread]:
    opened = SqliteThread(path, SCHEMA)
    opened.open()
    yield opened
    opened.close()


def insert(number: int) -> Callable[[sqlite3.Connection], int | None]:
    return lambda db: db.execute("INSERT INTO numbers VALUES (?)", (number,)).lastrowid


def numbers(thread: SqliteThread) -> list[int]:
    return [row[0] for row in thread.reader().execute("SELECT number FROM numbers ORDER BY number")]


async def test_concurrent_calls_are_all_committed_and_a_failed_one_undoes_itself_only(thread: SqliteThread) -> None:
    def fail(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO numbers VALUES (1000)")
        raise ValueError("no")

    calls = [thread.run(insert(number)) for number in range(300)]
    results = await asyncio.gather(*calls[:150], thread.run(fail), *calls[150:], return_exceptions=True)
    assert isinstance(results.pop(150), ValueError)
    assert results == list(range(300))
    assert numbers(thread) == list(range(300))


def test_a_hook_that_fails_before_the_commit_fails_the_calls(path: Path) -> None:
    def refuse(db: sqlite3.Connection) -> None:
        raise OSError("the disk is full")

    thread = SqliteThread(path, SCHEMA, before_commit=refuse)
    thread.open()
    with pytest.raises(OSError, match="full"):
        thread.write(insert(1))
    assert numbers(thread) == []
    thread.close()


def test_a_reader_writes_nothing(thread: SqliteThread) -> None:
    thread.write(insert(1))
    with pytest.raises(sqlite3.OperationalError):
        insert(2)(thread.reader())
    assert numbers(thread) == [1]


def test_a_closed_database_takes_no_calls_and_can_be_opened_again(path: Path) -> None:
    thread = SqliteThread(path, SCHEMA)
    with pytest.raises(RuntimeError, match=r"numbers\.db is not open"):
        thread.write(insert(1))
    for number in (1, 2):
        thread.open()
        thread.write(insert(number))
        thread.close()
    thread.open()
    assert numbers(thread) == [1, 2]
    thread.close()
