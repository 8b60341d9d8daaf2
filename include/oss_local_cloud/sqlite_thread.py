"""A SQLite file that one thread writes, with every acknowledged write on the disk.

The services are asyncio programs, and a commit that waits for the disk must not hold their event loop up.
One thread writes; whatever is waiting when it looks goes into one transaction (group commit), each of several in a
savepoint of its own. No caller gets a result before that transaction is committed with
`synchronous=FULL`. So an acknowledged write survives `kill -9` and a loss of power, and a hundred
concurrent callers cost one sync, not a hundred.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Hook = Callable[[sqlite3.Connection], None]

_MOST_PER_COMMIT = 256


def _nothing(connection: sqlite3.Connection) -> None:
    pass


@dataclass(frozen=True)
class _Call(Generic[T]):
    """Something to do; `loop` is where the caller waits, None when it is a thread that waits."""

    work: Callable[[sqlite3.Connection], T]
    loop: asyncio.AbstractEventLoop | None
    future: asyncio.Future[T] | Future[T]


_Outcome = tuple[_Call[Any], Any, BaseException | None]


class SqliteThread:
    """`await run(work)` calls `work(connection)` in the writing thread and returns its value once committed.

    `work` may read or write; an exception it raises undoes its own writes only and is raised to its caller.
    Calls run in the order they were made. Threads call `write` instead, which blocks. Frequent
    reads use `reader`.

    `before_commit` runs in the writing thread after the calls of a transaction and before its commit; what it
    raises fails all of them. `after_commit` runs when they are on the disk.
    """

    def __init__(self, path: Path, schema: str, before_commit: Hook = _nothing, after_commit: Hook = _nothing) -> None:
        self._path = path
        self._schema = schema
        self._before_commit = before_commit
        self._after_commit = after_commit
        self._calls: queue.SimpleQueue[_Call[Any] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._readers: list[sqlite3.Connection] = []
        self._own = threading.local()

    def open(self) -> None:
        """Open (or make) the file and its tables; raises sqlite3.Error when it can't be opened."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = self._connect()
        connection.executescript(self._schema)
        self._thread = threading.Thread(
            target=self._serve, args=(connection,), name=f"sqlite {self._path.name}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Finish what is waiting, then close the file."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._calls.put(None)
        thread.join()
        for reader in self._readers:
            reader.close()

    async def start(self) -> None:
        """`open` without holding the event loop up."""
        await asyncio.to_thread(self.open)

    async def stop(self) -> None:
        """`close` without holding the event loop up."""
        await asyncio.to_thread(self.close)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` in the writing thread; returns after its transaction is on the disk."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._put(_Call(work, loop, future))
        return await future

    def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The same for a thread that may wait."""
        future: Future[T] = Future()
        self._put(_Call(work, None, future))
        return future.result()

    def reader(self) -> sqlite3.Connection:
        """The calling thread's own connection for reading; it sees every commit made before a statement began."""
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
            self._readers.append(connection)
        return connection

    def _put(self, call: _Call[Any]) -> None:
        if self._thread is None:
            raise RuntimeError(f"the database {self._path.name} is not open")
        self._calls.put(call)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, cached_statements=256)
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA busy_timeout = 10000")
        connection.execute("PRAGMA foreign_keys = ON")
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
                self._answer(self._commit_together(connection, calls))
        connection.close()

    def _commit_together(self, connection: sqlite3.Connection, calls: list[_Call[Any]]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            if len(calls) == 1:  # and if it fails, so does the transaction
                outcomes.append((calls[0], calls[0].work(connection), None))
            else:
                outcomes += [self._in_savepoint(connection, call) for call in calls]
            self._before_commit(connection)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - a full disk fails this transaction, not the thread
            # Nothing of this batch is on the disk, so no call may succeed.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            return [(call, None, error) for call in calls]
        self._after_commit(connection)
        return outcomes

    @staticmethod
    def _in_savepoint(connection: sqlite3.Connection, call: _Call[Any]) -> _Outcome:
        connection.execute("SAVEPOINT one_call")
        try:
            value = call.work(connection)
        except Exception as error:  # noqa: BLE001 - handed to the caller, whose savepoint is undone
            connection.execute("ROLLBACK TO one_call")
            connection.execute("RELEASE one_call")
            return call, None, error
        connection.execute("RELEASE one_call")
        return call, value, None

    @staticmethod
    def _answer(outcomes: list[_Outcome]) -> None:
        """Resolve the callers' futures; each event loop is woken once."""
        by_loop: dict[asyncio.AbstractEventLoop | None, list[_Outcome]] = {}
        for outcome in outcomes:
            by_loop.setdefault(outcome[0].loop, []).append(outcome)
        for loop, own in by_loop.items():
            if loop is None:
                _resolve(own)
            elif not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, own)


def _resolve(outcomes: list[_Outcome]) -> None:
    for call, value, failure in outcomes:
        if call.future.done():  # the caller was cancelled meanwhile
            continue
        if failure is None:
            call.future.set_result(value)
        else:
            call.future.set_exception(failure)
