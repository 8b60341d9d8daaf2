"""One SQLite file with one writing thread and a reading connection for each thread that reads.

Writers hand a function to the writing thread and wait. The thread takes all that are waiting, runs each
inside a savepoint of one transaction and commits once, so many small writes share one flush of the disk
(group commit). A function that raises undoes its own changes only. `synchronous=FULL` makes a commit
survive a loss of power.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

Result = TypeVar("Result")
Work = Callable[[sqlite3.Connection], object]
_Job = tuple[Work, "Future[object]"]

LARGEST_BATCH = 256
"""Writes that share one commit at most."""


class Database:
    """A SQLite file opened for a whole process.

    `before_commit` is called in the writing thread after the functions of a batch ran and before their
    commit; what it raises fails the whole batch.
    """

    def __init__(self, path: Path, schema: str, before_commit: Callable[[sqlite3.Connection], None]) -> None:
        self._path = path
        self._before_commit = before_commit
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._connections_lock = threading.Lock()
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._writing = self._connect()
        self._writing.executescript(schema)
        self._thread = threading.Thread(target=self._write_forever, name="object-store-writer", daemon=True)
        self._thread.start()

    def reader(self) -> sqlite3.Connection:
        """This thread's own connection for reading; it sees every commit made before the statement began."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect()
            connection.execute("PRAGMA query_only = ON")
        return connection

    def write(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Run `work` in a transaction and return its result once it is durable; raises what `work` raises."""
        if self._closed:
            raise RuntimeError(f"the database {self._path} is closed")
        done: Future[object] = Future()
        self._jobs.put((work, done))
        return done.result()  # type: ignore[return-value]  # the future carries what `work` returns

    def close(self) -> None:
        """Finish what is waiting, then close every connection."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        self._thread.join()
        for connection in self._connections:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=30, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        with self._connections_lock:
            self._connections.append(connection)
        return connection

    def _write_forever(self) -> None:
        running = True
        while running:
            batch: list[_Job] = []
            for job in self._waiting():
                if job is None:
                    running = False
                    break
                batch.append(job)
            if batch:
                self._write_batch(batch)

    def _waiting(self) -> Iterable[_Job | None]:
        yield self._jobs.get()
        for _ in range(LARGEST_BATCH - 1):
            try:
                yield self._jobs.get_nowait()
            except queue.Empty:
                return

    def _write_batch(self, batch: list[_Job]) -> None:
        connection = self._writing
        outcomes: list[tuple[Future[object], object, BaseException | None]] = []
        try:
            connection.execute("BEGIN IMMEDIATE")
            for work, done in batch:
                connection.execute("SAVEPOINT one")
                try:
                    outcomes.append((done, work(connection), None))
                except Exception as error:  # noqa: BLE001  # handed to the caller that waits for it
                    connection.execute("ROLLBACK TO one")
                    outcomes.append((done, None, error))
                connection.execute("RELEASE one")
            self._before_commit(connection)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001  # a full disk fails this batch, not the thread
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            outcomes = [(done, None, error) for _, done in batch]
        for done, result, failure in outcomes:
            if failure is None:
                done.set_result(result)
            else:
                done.set_exception(failure)
