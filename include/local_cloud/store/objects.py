"""The object store: buckets and objects that survive `kill -9` from the moment a call returns.

Order of a write: the content is written and flushed, linked to its final name, that directory is flushed,
and only then the database commits the row that names it. A reader therefore never sees a row without its
content, and content without a row is swept when the store opens.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from include.local_cloud.events import outbox
from include.local_cloud.events.message import Written
from include.local_cloud.events.origin import current_origin
from include.local_cloud.interfaces import NoSuchBucket, NoSuchKey, ObjectInfo
from include.local_cloud.store.blobs import Blobs, sync_file, write_flushed
from include.local_cloud.store.checksums import Checksums, checksums_of_file
from include.local_cloud.store.database import Database
from include.local_cloud.store.listing import Page, list_page

_SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (
    name TEXT PRIMARY KEY,
    created INTEGER NOT NULL,
    imm_project TEXT
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS objects (
    bucket TEXT NOT NULL REFERENCES buckets (name),
    key BLOB NOT NULL,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    last_modified INTEGER NOT NULL,
    object_type TEXT NOT NULL,
    crc64 TEXT NOT NULL,
    blob TEXT NOT NULL,
    content_type TEXT NOT NULL,
    headers TEXT NOT NULL,
    metadata TEXT NOT NULL,
    tags TEXT NOT NULL,
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
-- blobs that no object names any more and whose files may still be there
CREATE TABLE IF NOT EXISTS garbage (blob TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_COLUMNS = "etag, size, last_modified, content_type, crc64, blob, tags, metadata, headers, object_type"
_HEAD = f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND key = ?"  # noqa: S608  # a constant of this file


class BucketNotEmpty(Exception):
    """A bucket that still holds objects was to be deleted."""


class ObjectExists(Exception):
    """An object was not to be overwritten, and is there."""


@dataclass(frozen=True)
class BucketInfo:
    """A bucket; `created` is in UTC, `imm_project` None when it is bound to no IMM project."""

    name: str
    created: datetime
    imm_project: str | None


@dataclass(frozen=True)
class Attributes:
    """What is kept with an object besides its content."""

    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    object_type: str = "Normal"


class StagedContent:
    """Content on its way in: written once in blocks, then given to `LocalObjectStore.put` or discarded."""

    def __init__(self, blob: str, path: Path) -> None:
        self.blob = blob
        self.path = path
        self.sums = Checksums()
        self._descriptor: int | None = None

    def write(self, block: bytes) -> None:
        """Append a block."""
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        self.sums.update(block)
        view = memoryview(block)
        while view:
            view = view[os.write(self._descriptor, view) :]

    def finish(self) -> None:
        """Flush what was written to the disk; nothing more can be written."""
        if self._descriptor is None:
            self.write(b"")
        assert self._descriptor is not None  # noqa: S101  # write() has opened it
        os.fsync(self._descriptor)
        self._close()

    def discard(self) -> None:
        """Forget the content."""
        self._close()
        self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


class LocalObjectStore:
    """Buckets and objects below the directory `root`, which one process at a time may open.

    Every method blocks and may be called from any thread; point lookups (`head`, `bucket`, `imm_project`) are
    index reads of some microseconds. `clock` gives seconds since the epoch. Whatever stores an object also
    notes, in the same transaction, the events that `events` wants told of it.
    """

    def __init__(self, root: Path, clock: Callable[[], float] = time.time) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._removed: list[str] = []
        self._blobs = Blobs(root)
        self._database = Database(root / "objects.db", _SCHEMA + outbox.SCHEMA, self._before_commit)
        self.events = outbox.Outbox(self._database)
        self._sweep()

    def close(self) -> None:
        """Finish the writes that wait and let go of the files."""
        self._database.close()

    # -- buckets

    def create_bucket(self, name: str, *, imm_project: str | None = None) -> None:
        """Make a bucket, or leave it as it is when it exists; a given `imm_project` is bound either way."""
        self._database.write(
            lambda c: c.execute(
                "INSERT INTO buckets VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                " SET imm_project = coalesce(excluded.imm_project, imm_project)",
                (name, int(self._clock()), imm_project),
            )
        )

    def delete_bucket(self, name: str) -> None:
        """Delete an empty bucket; raises NoSuchBucket, BucketNotEmpty."""

        def work(connection: sqlite3.Connection) -> None:
            _require_bucket(connection, name)
            if connection.execute("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", (name,)).fetchone():
                raise BucketNotEmpty(name)
            connection.execute("DELETE FROM buckets WHERE name = ?", (name,))

        self._database.write(work)

    def bucket(self, name: str) -> BucketInfo:
        """Look a bucket up; raises NoSuchBucket."""
        row = self._database.reader().execute("SELECT * FROM buckets WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise NoSuchBucket(name)
        return BucketInfo(row[0], _time(row[1]), row[2])

    def buckets(self, *, prefix: str, after: str, limit: int) -> list[BucketInfo]:
        """Buckets in the order of their names."""
        rows = self._database.reader().execute(
            "SELECT * FROM buckets WHERE name > ? AND substr(name, 1, length(?)) = ? ORDER BY name LIMIT ?",
            (after, prefix, prefix, limit),
        )
        return [BucketInfo(row[0], _time(row[1]), row[2]) for row in rows]

    def bucket_usage(self, name: str) -> tuple[int, int]:
        """Number of objects and bytes in a bucket; raises NoSuchBucket."""
        _require_bucket(self._database.reader(), name)
        count, size = (
            self._database.reader()
            .execute("SELECT count(*), coalesce(sum(size), 0) FROM objects WHERE bucket = ?", (name,))
            .fetchone()
        )
        return count, size

    def imm_project(self, bucket: str) -> str | None:
        """The IMM project the bucket is bound to, None when it is bound to none. Raises NoSuchBucket."""
        return self.bucket(bucket).imm_project

    # -- objects: reading

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Look an object up; raises NoSuchBucket or NoSuchKey."""
        reader = self._database.reader()
        row = reader.execute(_HEAD, (bucket, key.encode())).fetchone()
        if row is None:
            _require_bucket(reader, bucket)
            raise NoSuchKey(bucket, key)
        return self._info(bucket, key, row)

    def list(self, bucket: str, *, prefix: str, delimiter: str, after: str, limit: int) -> Page:
        """One page of a bucket; raises NoSuchBucket."""
        reader = self._database.reader()
        _require_bucket(reader, bucket)
        return list_page(reader, bucket, prefix=prefix, delimiter=delimiter, after=after, limit=limit)

    # -- objects: writing

    def scratch(self) -> Path:
        """A directory on the store's file system for files being written; emptied when the store opens."""
        return self._blobs.scratch

    def stage(self) -> StagedContent:
        """Begin to take content in."""
        return StagedContent(*self._blobs.incoming())

    def stage_whole(self, content: bytes) -> StagedContent:
        """Take content in that is in memory already."""
        staged = self.stage()
        write_flushed(staged.path, content)
        staged.sums.update(content)
        return staged

    def put(
        self, bucket: str, key: str, staged: StagedContent, attributes: Attributes, *, overwrite: bool = True
    ) -> ObjectInfo:
        """Make finished content an object, in place of the one that may be there.

        Raises NoSuchBucket, and ObjectExists when `overwrite` is False; the content is then discarded.
        """
        sums = staged.sums
        return self._put(bucket, key, staged, sums.etag, sums.size, sums.crc64, attributes, overwrite)

    def put_file(self, bucket: str, key: str, source: Path, *, content_type: str) -> ObjectInfo:
        """Move `source`, a finished file below `scratch()`, in as an object, atomically and durably."""
        self.bucket(bucket)
        staged = self.stage()
        staged.sums = checksums_of_file(source)
        sync_file(source)
        os.link(source, staged.path)
        try:
            info = self.put(bucket, key, staged, Attributes(content_type))
        except BaseException:
            staged.discard()
            raise
        source.unlink()
        return info

    def copy(
        self, source: ObjectInfo, bucket: str, key: str, attributes: Attributes, *, overwrite: bool = True
    ) -> ObjectInfo:
        """Make an object with the content of `source`, sharing its bytes on the disk.

        Raises NoSuchKey when the source was overwritten or deleted since it was looked up, NoSuchBucket, and
        ObjectExists when `overwrite` is False.
        """
        staged = self.stage()
        try:
            os.link(source.path, staged.path)
        except FileNotFoundError:
            raise NoSuchKey(source.bucket, source.key) from None
        return self._put(bucket, key, staged, source.etag, source.size, source.crc64, attributes, overwrite)

    def set_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        """Replace an object's tags; raises NoSuchBucket, NoSuchKey."""

        def work(connection: sqlite3.Connection) -> None:
            changed = connection.execute(
                "UPDATE objects SET tags = ? WHERE bucket = ? AND key = ?",
                (_json(tags), bucket, key.encode()),
            ).rowcount
            if changed == 0:
                _require_bucket(connection, bucket)
                raise NoSuchKey(bucket, key)

        self._database.write(work)

    def delete(self, bucket: str, keys: Iterable[str]) -> None:
        """Delete objects, all of them or none; a key that is not there is no error. Raises NoSuchBucket."""
        encoded = [key.encode() for key in keys]

        def work(connection: sqlite3.Connection) -> list[str]:
            _require_bucket(connection, bucket)
            blobs = []
            for key in encoded:
                row = connection.execute(
                    "DELETE FROM objects WHERE bucket = ? AND key = ? RETURNING blob", (bucket, key)
                ).fetchone()
                if row:
                    blobs.append(row[0])
            connection.executemany("INSERT INTO garbage VALUES (?)", [(blob,) for blob in blobs])
            return blobs

        self._remove(self._database.write(work))

    # -- inside

    def _put(
        self,
        bucket: str,
        key: str,
        staged: StagedContent,
        etag: str,
        size: int,
        crc64: int,
        attributes: Attributes,
        overwrite: bool,
    ) -> ObjectInfo:
        encoded, moment, origin = key.encode(), self._clock(), current_origin()
        row = (
            etag,
            size,
            int(moment),
            attributes.content_type,
            str(crc64),
            staged.blob,
            _json(attributes.tags),
            _json(attributes.metadata),
            _json(attributes.headers),
            attributes.object_type,
        )

        def work(connection: sqlite3.Connection) -> str | None:
            _require_bucket(connection, bucket)
            old = connection.execute(
                "SELECT blob, size FROM objects WHERE bucket = ? AND key = ?", (bucket, encoded)
            ).fetchone()
            if old and not overwrite:
                raise ObjectExists(key)
            connection.execute(
                f"INSERT OR REPLACE INTO objects (bucket, key, {_COLUMNS})"  # noqa: S608  # constants of this file
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (bucket, encoded, *row),
            )
            delta = size - (old[1] if old else 0)
            self.events.note(connection, Written(bucket, key, etag, size, delta, moment), origin)
            if old is None:
                return None
            connection.execute("INSERT INTO garbage VALUES (?)", old[:1])
            return str(old[0])

        self._blobs.link(staged.blob, staged.path)
        try:
            replaced = self._database.write(work)
        except BaseException:
            self._blobs.remove(staged.blob)
            staged.discard()
            raise
        self.events.announce(origin)
        staged.path.unlink()
        if replaced is not None:
            self._remove([replaced])
        return self._info(bucket, key, row)

    def _info(self, bucket: str, key: str, row: tuple[str, ...] | tuple[object, ...]) -> ObjectInfo:
        etag, size, modified, content_type, crc64, blob, tags, metadata, headers, kind = row
        return ObjectInfo(
            bucket=bucket,
            key=key,
            etag=str(etag),
            size=int(str(size)),
            last_modified=_time(int(str(modified))),
            content_type=str(content_type),
            crc64=int(str(crc64)),
            path=self._blobs.path(str(blob)),
            tags=_mapping(tags),
            metadata=_mapping(metadata),
            headers=_mapping(headers),
            object_type=str(kind),
        )

    def _remove(self, blobs: Iterable[str]) -> None:
        """Remove files whose objects are gone; the next commit forgets that they were garbage."""
        for blob in blobs:
            self._blobs.remove(blob)
            self._removed.append(blob)

    def _before_commit(self, connection: sqlite3.Connection) -> None:
        if self._removed:
            removed, self._removed = self._removed, []
            connection.executemany("DELETE FROM garbage WHERE blob = ?", [(blob,) for blob in removed])
        self._blobs.sync_directories()

    def _sweep(self) -> None:
        reader = self._database.reader()
        self._remove([blob for (blob,) in reader.execute("SELECT blob FROM garbage").fetchall()])
        unfinished = self._blobs.unfinished()
        if unfinished:
            committed = {blob for (blob,) in reader.execute("SELECT blob FROM objects") if blob in unfinished}
            self._blobs.sweep(unfinished - committed)


def _require_bucket(connection: sqlite3.Connection, name: str) -> None:
    if connection.execute("SELECT 1 FROM buckets WHERE name = ?", (name,)).fetchone() is None:
        raise NoSuchBucket(name)


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _json(mapping: Mapping[str, str]) -> str:
    return json.dumps(dict(mapping), ensure_ascii=False) if mapping else "{}"


def _mapping(text: object) -> dict[str, str]:
    if text == "{}":
        return {}
    parsed: dict[str, str] = json.loads(str(text))
    return parsed
