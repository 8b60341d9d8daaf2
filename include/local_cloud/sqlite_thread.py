"""A SQLite file owned by one thread, with every acknowledged write on the disk.

The services are asyncio programs, and a commit that waits for the disk must not hold their event loop up.
One thread owns the connection; whatever is waiting when it looks goes into one transaction (group commit),
each call in a savepoint of its own, and nobody gets an answer before that transaction is committed with
``synchronous=FULL``. So what was answered survives ``kill -9`` and a loss of power, and a hundred
concurrent callers cost one sync, not a hundred.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_MOST_PER_COMMIT = 256


@dataclass(frozen=True)
class _Call(Generic[T]):
    work: Callable[[sqlite3.Connection], T]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[T]


class SqliteThread:
    """`await run(work)` calls ``work(connection)`` in the owning thread and returns its value once committed.

    `work` may read or write; an exception it raises undoes its own writes only and is raised to its caller.
    Calls run in the order they were made.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self._path = path
        self._schema = schema
        self._calls: queue.SimpleQueue[_Call[Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Open (or make) the file and its tables; raises sqlite3.Error when it can't be opened."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = await asyncio.to_thread(self._open)
        self._thread = threading.Thread(
            target=self._serve, args=(connection,), name=f"sqlite {self._path.name}", daemon=True
        )
        self._thread.start()

    async def stop(self) -> None:
        """Finish what is waiting, then close the file."""
        if self._thread is None:
            return
        self._calls.put(None)
        await asyncio.to_thread(self._thread.join)
        self._thread = None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the owning thread; returns after its transaction is on the disk."""
        if self._thread is None:
            raise RuntimeError(f"the database {self._path.name} is not open")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._calls.put(_Call(work, loop, future))
        return await future

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 10000")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.executescript(self._schema)
        return connection

    def _serve(self, connection: sqlite3.Connection) -> None:
        open_for_work = True
        while open_for_work:
            calls: list[_Call[Any]] = []
            call = self._calls.get()
            while call is not None and len(calls) < _MOST_PER_COMMIT:
                calls.append(call)
                try:
                    call = self._calls.get_nowait()
                except queue.Empty:
                    break
            else:
                if call is None:
                    open_for_work = False
                else:
                    calls.append(call)
            if calls:
                self._commit_together(connection, calls)
        connection.close()

    def _commit_together(self, connection: sqlite3.Connection, calls: list[_Call[Any]]) -> None:
        outcomes: list[tuple[Any, BaseException | None]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for call in calls:
                outcomes.append(self._in_savepoint(connection, call.work))
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            # Nothing of this batch is on the disk, so nobody may hear of a success.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            outcomes = [(None, error)] * len(calls)
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[_Call[Any], Any, BaseException | None]]] = {}
        for call, (value, failure) in zip(calls, outcomes, strict=True):
            by_loop.setdefault(call.loop, []).append((call, value, failure))
        for loop, answers in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_answer, answers)

    @staticmethod
    def _in_savepoint(
        connection: sqlite3.Connection, work: Callable[[sqlite3.Connection], Any]
    ) -> tuple[Any, BaseException | None]:
        connection.execute("SAVEPOINT one_call")
        try:
            value = work(connection)
        except Exception as error:  # noqa: BLE001 - handed to the caller, whose savepoint is undone
            connection.execute("ROLLBACK TO one_call")
            connection.execute("RELEASE one_call")
            return None, error
        connection.execute("RELEASE one_call")
        return value, None


def _answer(answers: list[tuple[_Call[Any], Any, BaseException | None]]) -> None:
    for call, value, failure in answers:
        if call.future.done():  # the caller was cancelled meanwhile
            continue
        if failure is None:
            call.future.set_result(value)
        else:
            call.future.set_exception(failure)
