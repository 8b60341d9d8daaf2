"""Files and rows together: what both survive, and what is swept when only one of them did.

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
from oss_local_cloud.store.schema import SCHEMA, VERSION
from oss_local_cloud.store.staged_content import StagedContent

_FLUSHERS = 16


class SchemaVersionMismatch(Exception):
    """The data directory was written by another version of this store."""


class Storage:
    """The blobs and the database below the directory `root`, which one process at a time may open.

    `clock` gives seconds since the epoch. Raises SchemaVersionMismatch.
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
        schema = f"BEGIN; {SCHEMA} {outbox.SCHEMA} PRAGMA user_version = {VERSION}; COMMIT;"
        self.database = SqliteThread(path, schema, self._before_commit, self._after_commit)
        self.database.open()
        self.events = outbox.Outbox(self.database)
        self._sweep()

    def close(self) -> None:
        """Finish the writes that wait and let go of the files."""
        sealed = self.blobs.sealable(closing=True)
        self.database.write(lambda connection: _seal(connection, sealed))
        self.database.close()
        self._flushers.shutdown()

    def stage(self) -> StagedContent:
        """Begin to take content in."""
        return StagedContent(self.blobs)

    def keep(self, staged: StagedContent) -> None:
        """Inside a transaction, when all else is done: have this content on the disk before the commit."""
        self._kept.append(staged)
        self.blobs.keep(staged.blob)

    @staticmethod
    def drop(connection: sqlite3.Connection, blob: str | None) -> None:
        """Inside a transaction: nothing names this blob any more. Its file goes after the commit."""
        if blob is not None:
            connection.execute("INSERT INTO garbage VALUES (?)", (blob,))

    def _before_commit(self, connection: sqlite3.Connection) -> None:
        if self._removed:
            connection.executemany("DELETE FROM garbage WHERE blob = ?", [(blob,) for blob in self._removed])
        _seal(connection, self.blobs.sealable())
        self._flush()
        self.blobs.sync()

    def _flush(self) -> None:
        """Write and flush the files to be kept, several at once: the file system writes its journal for all of them,
        and to make a file waits for the journal too.
        """
        kept, self._kept = self._kept, []
        shares = [kept[at::_FLUSHERS] for at in range(min(_FLUSHERS, len(kept)))]
        others = [self._flushers.submit(_finish, share) for share in shares[1:]]
        _finish(shares[0] if shares else [])
        for other in others:
            other.result()

    def _after_commit(self, connection: sqlite3.Connection) -> None:
        self.blobs.settle()
        self._removed = []
        for (blob,) in connection.execute("SELECT blob FROM garbage").fetchall():
            with contextlib.suppress(OSError):  # it stays garbage, and is tried again
                self.blobs.remove(blob)
                self._removed.append(blob)

    def _sweep(self) -> None:
        """Remove what an earlier process left: garbage, and blobs that were never committed."""
        reader = self.database.reader()
        groups = set(self.blobs.groups())
        sealed = {group for (group,) in reader.execute("SELECT blob_group FROM sealed")}
        left = self.blobs.names(groups - sealed)
        if left:
            named = reader.execute("SELECT blob FROM objects UNION ALL SELECT blob FROM parts")
            for blob in left.difference(blob for (blob,) in named):
                self.blobs.remove(blob)
        gone = [(group,) for group in sealed - groups]

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM sealed WHERE blob_group = ?", gone)
            _seal(connection, list(groups - sealed))

        self.database.write(work)  # after whose commit the garbage goes


def require_bucket(connection: sqlite3.Connection, name: str) -> None:
    """Raises NoSuchBucket."""
    if connection.execute("SELECT 1 FROM buckets WHERE name = ?", (name,)).fetchone() is None:
        raise NoSuchBucket(name)


def _finish(contents: Iterable[StagedContent]) -> None:
    for staged in contents:
        staged.finish()


def _seal(connection: sqlite3.Connection, groups: list[str]) -> None:
    connection.executemany("INSERT INTO sealed VALUES (?)", [(group,) for group in groups])


def _check_version(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        made = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    if made and version != VERSION:
        raise SchemaVersionMismatch(f"{path} has tables of version {version}, this store has version {VERSION}")
