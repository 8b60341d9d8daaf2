"""Blobs and database together: durable commits, and removal of blobs that no row names.

Order of a write: the content is written and flushed, its directory is flushed, and only then the database
commits the row that names it. A reader therefore never sees a row without its content, and content without a
row is removed when the store opens.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from oss_local_cloud.events import outbox
from oss_local_cloud.interfaces import NoSuchBucket
from oss_local_cloud.sqlite_thread import SqliteThread
from oss_local_cloud.store.blobs import Blobs
from oss_local_cloud.store.schema import SCHEMA, SCHEMA_VERSION
from oss_local_cloud.store.staged_content import StagedContent

_FLUSHERS = 16


class SchemaVersionMismatch(Exception):
    """The data directory was written by another version of this store."""


class Storage:
    """The blobs and the database below the directory `root`, which one process at a time may open.

    `clock` gives seconds since the epoch.

    Raises:
        SchemaVersionMismatch: The directory was written by another version.
    """

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.clock = clock
        self.blobs = Blobs(root)
        self._removed: list[str] = []
        self._kept: list[StagedContent] = []
        self._flushers = ThreadPoolExecutor(_FLUSHERS, thread_name_prefix="flush")
        path = root / "objects.db"
        if path.exists():
            _check_version(path)
        schema = f"BEGIN; {SCHEMA} {outbox.SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        self.database = SqliteThread(path, schema, self._before_commit, self._after_commit)
        self.database.open()
        self.events = outbox.Outbox(self.database)
        self._sweep()

    def close(self) -> None:
        """Finish pending writes and close the files."""
        sealed = self.blobs.sealable(closing=True)
        self.database.write(lambda connection: _seal(connection, sealed))
        self.database.close()
        self._flushers.shutdown()

    def stage(self) -> StagedContent:
        """New content, to be written."""
        return StagedContent(self.blobs)

    def keep(self, staged: StagedContent) -> None:
        """Flush this content before the commit. Called last in a transaction."""
        self._kept.append(staged)
        self.blobs.keep(staged.blob)

    @staticmethod
    def drop(connection: sqlite3.Connection, blob: str | None) -> None:
        """Mark a blob as garbage within a transaction. Its file is removed after the commit."""
        if blob is not None:
            connection.execute("INSERT INTO garbage VALUES (?)", (blob,))

    def _before_commit(self, connection: sqlite3.Connection) -> None:
        if self._removed:
            connection.executemany("DELETE FROM garbage WHERE blob = ?", [(blob,) for blob in self._removed])
        _seal(connection, self.blobs.sealable())
        self._flush()
        self.blobs.sync()

    def _flush(self) -> None:
        """Write and flush the files of this commit in several threads.

        The file system then writes its journal once for many files, and file creation waits for the journal too.
        """
        kept, self._kept = self._kept, []
        shares = [kept[at::_FLUSHERS] for at in range(min(_FLUSHERS, len(kept)))]
        others = [self._flushers.submit(_finish_all, share) for share in shares[1:]]
        _finish_all(shares[0] if shares else [])
        for other in others:
            other.result()

    def _after_commit(self, connection: sqlite3.Connection) -> None:
        self.blobs.settle()
        self._removed = []
        for (blob,) in connection.execute("SELECT blob FROM garbage").fetchall():
            with contextlib.suppress(OSError):  # it stays in the table and is tried again
                self.blobs.remove(blob)
                self._removed.append(blob)

    def _sweep(self) -> None:
        """Remove garbage and uncommitted blobs of an earlier process."""
        reader = self.database.reader()
        groups = set(self.blobs.groups())
        sealed = {group for (group,) in reader.execute("SELECT blob_group FROM sealed")}
        unsealed = self.blobs.names(groups - sealed)
        if unsealed:
            named = reader.execute("SELECT blob FROM objects UNION ALL SELECT blob FROM parts")
            for blob in unsealed.difference(blob for (blob,) in named):
                self.blobs.remove(blob)
        gone = [(group,) for group in sealed - groups]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM sealed WHERE blob_group = ?", gone)
            _seal(connection, list(groups - sealed))

        self.database.write(work)  # _after_commit then removes the garbage


def require_bucket(connection: sqlite3.Connection, name: str) -> None:
    """Check that a bucket exists.

    Raises:
        NoSuchBucket: There is no such bucket.
    """
    if connection.execute("SELECT 1 FROM buckets WHERE name = ?", (name,)).fetchone() is None:
        raise NoSuchBucket(name)


def _finish_all(contents: Iterable[StagedContent]) -> None:
    for staged in contents:
        staged.finish()


def _seal(connection: sqlite3.Connection, groups: list[str]) -> None:
    connection.executemany("INSERT INTO sealed VALUES (?)", [(group,) for group in groups])


def _check_version(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        made = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    if made and version != SCHEMA_VERSION:
        raise SchemaVersionMismatch(f"{path} has tables of version {version}, this store has version {SCHEMA_VERSION}")
