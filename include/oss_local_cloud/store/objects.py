"""The objects of the store, put, copy, symlink, tags, ACL, restore, delete."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from pathlib import Path

from oss_local_cloud.events.event_message import WrittenObject
from oss_local_cloud.events.write_origin import WriteOrigin, current_origin
from oss_local_cloud.interfaces import NoSuchBucket, NoSuchKey, ObjectInfo, SymlinkTargetMissing, SymlinkToSymlink
from oss_local_cloud.store.blobs import sync_file
from oss_local_cloud.store.checksums import Checksums, file_checksums
from oss_local_cloud.store.object_listing import Page, list_page
from oss_local_cloud.store.object_rows import (
    COLUMNS,
    ObjectAttributes,
    StoredContent,
    object_info,
    row_values,
    tags_value,
    utc_datetime,
)
from oss_local_cloud.store.staged_content import StagedContent, discard_on_error
from oss_local_cloud.store.storage import Storage, require_bucket

_SELECT = f"SELECT {COLUMNS} FROM objects WHERE bucket = ? AND key = ?"  # noqa: S608  # a constant
_INSERT = (
    f"INSERT OR REPLACE INTO objects (bucket, key, {COLUMNS})"  # noqa: S608  # a constant
    f" VALUES (?, ?{', ?' * (COLUMNS.count(',') + 1)})"
)

Work = Callable[[sqlite3.Connection], ObjectInfo]


class ObjectExists(Exception):
    """The object exists and must not be overwritten."""


class Objects:
    """Objects of all buckets.

    Methods that are not `async` block and may be called from any thread. `head` and `entry` are index reads of some
    microseconds. A write adds its events to the outbox in the same transaction.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._directory = str(storage.blobs.path(""))

    # -- reading

    def entry(self, bucket: str, key: str) -> ObjectInfo:
        """Look an object up without following a symlink.

        Raises:
            NoSuchBucket: There is no such bucket.
            NoSuchKey: There is no such object.
        """
        reader = self._storage.database.reader()
        row = reader.execute(_SELECT, (bucket, key.encode())).fetchone()
        if row is None:
            require_bucket(reader, bucket)
            raise NoSuchKey(bucket, key)
        return object_info(bucket, key, row, self._directory)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Look an object up, through a symlink to its target.

        Content, ETag and checksums are then the target's, the time is the later one of both, and all else is the
        symlink's ("HeadObject").

        Raises:
            NoSuchBucket: There is no such bucket.
            NoSuchKey: There is no such object.
            SymlinkTargetMissing: The symlink's target doesn't exist.
            SymlinkToSymlink: The symlink's target is a symlink.
        """
        info = self.entry(bucket, key)
        if info.symlink_target is None:
            return info
        try:
            target = self.entry(bucket, info.symlink_target)
        except NoSuchKey:
            raise SymlinkTargetMissing(key, info.symlink_target) from None
        if target.symlink_target is not None:
            raise SymlinkToSymlink(key, info.symlink_target)
        return info._replace(
            etag=target.etag,
            size=target.size,
            crc64=target.crc64,
            file=target.file,
            last_modified=max(info.last_modified, target.last_modified),
            storage_class=target.storage_class,
            restored_from=target.restored_from,
            restored_until=target.restored_until,
        )

    def list(self, bucket: str, *, prefix: str, delimiter: str, after: str, limit: int) -> Page:
        """One page of a bucket's keys.

        Raises:
            NoSuchBucket: There is no such bucket.
        """
        reader = self._storage.database.reader()
        require_bucket(reader, bucket)
        return list_page(reader, bucket, prefix=prefix, delimiter=delimiter, after=after, limit=limit)

    # -- writing

    def scratch(self) -> Path:
        """A directory on the store's file system for files being written; emptied when the store opens."""
        return self._storage.blobs.scratch

    def stage(self) -> StagedContent:
        """New content, to be written."""
        return self._storage.stage()

    def put(
        self, bucket: str, key: str, staged: StagedContent, attributes: ObjectAttributes, *, overwrite: bool = True
    ) -> ObjectInfo:
        """Store content as an object, in place of an existing one. The content is discarded on an error.

        Raises:
            NoSuchBucket: There is no such bucket.
            ObjectExists: The object exists and `overwrite` is False.
        """
        with discard_on_error(staged):
            staged.finish()
            origin = current_origin()
            return self._write(self._put(bucket, key, staged, attributes, overwrite, origin), origin)

    async def put_async(
        self, bucket: str, key: str, staged: StagedContent, attributes: ObjectAttributes, *, overwrite: bool = True
    ) -> ObjectInfo:
        """`put` from an event loop, of content that is in memory or finished. No thread waits for it."""
        with discard_on_error(staged):
            origin = current_origin()
            work = self._put(bucket, key, staged, attributes, overwrite, origin)
            info = await self._storage.database.run(work)
            self._storage.events.notify_relay(origin)
            return info

    def put_file(self, bucket: str, key: str, source: Path, *, content_type: str) -> ObjectInfo:
        """Store `source`, a finished file below `scratch()`, as an object, atomically and durably."""
        sync_file(source)
        staged = self.stage()
        with discard_on_error(staged):
            staged.link(source)
            staged.checksums = file_checksums(source)
        info = self.put(bucket, key, staged, ObjectAttributes(content_type))
        source.unlink()
        return info

    def copy(
        self, source: ObjectInfo, bucket: str, key: str, attributes: ObjectAttributes, *, overwrite: bool = True
    ) -> ObjectInfo:
        """Store an object with the content of `source` by a hard link; the copy of a symlink is a symlink.

        An appendable object's bytes are copied, because its file still grows.

        Raises:
            NoSuchKey: The source was overwritten or deleted since its lookup.
            NoSuchBucket: There is no such bucket.
            ObjectExists: The object exists and `overwrite` is False.
        """
        if source.symlink_target is not None:
            return self.put_symlink(bucket, key, source.symlink_target, attributes, overwrite=overwrite)
        staged = self.stage()
        with discard_on_error(staged):
            try:
                if source.object_type == "Appendable":
                    staged.copy(source.path, 0, source.size)
                    staged.finish()
                    etag, kind = staged.checksums.etag, "Normal"
                else:
                    staged.link(source.path)
                    etag, kind = source.etag, source.object_type
            except FileNotFoundError:
                raise NoSuchKey(source.bucket, source.key) from None
            content = StoredContent(source.size, etag, source.crc64, kind, staged.blob)
            return self.insert(bucket, key, content, attributes, staged=staged, overwrite=overwrite)

    async def copy_async(self, source: ObjectInfo, bucket: str, key: str, attributes: ObjectAttributes) -> ObjectInfo:
        """`copy` from an event loop, of an object that is not appendable. Only the writer thread waits for the disk."""
        staged, origin = self.stage(), current_origin()

        def work(connection: sqlite3.Connection) -> ObjectInfo:
            staged.link(source.path)
            content = StoredContent(source.size, source.etag, source.crc64, source.object_type, staged.blob)
            info = self._insert(connection, bucket, key, content, attributes, True, origin)
            self._storage.keep(staged)
            return info

        with discard_on_error(staged):
            try:
                info = await self._storage.database.run(work)
            except FileNotFoundError:
                raise NoSuchKey(source.bucket, source.key) from None
        self._storage.events.notify_relay(origin)
        return info

    def put_symlink(
        self, bucket: str, key: str, target: str, attributes: ObjectAttributes, *, overwrite: bool = True
    ) -> ObjectInfo:
        """Store a symlink to the object `target` of the same bucket, which need not exist.

        Raises:
            NoSuchBucket: There is no such bucket.
            ObjectExists: The object exists and `overwrite` is False.
        """
        checksums = Checksums()
        checksums.update(target.encode())
        content = StoredContent(0, checksums.etag, 0, "Symlink", None, target)
        return self.insert(bucket, key, content, attributes, overwrite=overwrite)

    def set_tags(self, bucket: str, key: str, tags: Mapping[str, str]) -> None:
        """Replace an object's tags.

        Raises:
            NoSuchBucket: There is no such bucket.
            NoSuchKey: There is no such object.
        """
        self._change(bucket, key, "tags = ?", tags_value(tags))

    def set_acl(self, bucket: str, key: str, acl: str) -> None:
        """Replace an object's ACL.

        Raises:
            NoSuchBucket: There is no such bucket.
            NoSuchKey: There is no such object.
        """
        self._change(bucket, key, "acl = ?", acl)

    def set_restored(self, bucket: str, key: str, since: datetime, until: datetime) -> None:
        """Set the time during which an archived object is readable.

        Raises:
            NoSuchBucket: There is no such bucket.
            NoSuchKey: There is no such object.
        """
        seconds = (int(since.timestamp()), int(until.timestamp()))
        self._change(bucket, key, "restored_from = ?, restored_until = ?", *seconds)

    def delete(self, bucket: str, keys: Iterable[str]) -> None:
        """Delete objects in one transaction; a missing key is no error.

        Raises:
            NoSuchBucket: There is no such bucket.
        """
        encoded = [key.encode() for key in keys]

        def work(connection: sqlite3.Connection) -> None:
            require_bucket(connection, bucket)
            for key in encoded:
                row = connection.execute(
                    "DELETE FROM objects WHERE bucket = ? AND key = ? RETURNING blob", (bucket, key)
                ).fetchone()
                if row:
                    self._storage.drop(connection, row[0])

        self._storage.database.write(work)

    def now(self) -> datetime:
        """The store's clock, in whole seconds."""
        return utc_datetime(int(self._storage.clock()))

    # -- for multipart uploads and appends

    def insert(
        self,
        bucket: str,
        key: str,
        content: StoredContent,
        attributes: ObjectAttributes,
        *,
        staged: StagedContent | None = None,
        overwrite: bool = True,
        before: Callable[[sqlite3.Connection], None] = lambda connection: None,
    ) -> ObjectInfo:
        """Insert an object's row; `before` runs first in the same transaction.

        A symlink has no `staged` content.
        """
        origin = current_origin()

        def work(connection: sqlite3.Connection) -> ObjectInfo:
            before(connection)
            info = self._insert(connection, bucket, key, content, attributes, overwrite, origin)
            if staged is not None:
                self._storage.keep(staged)
            return info

        return self._write(work, origin)

    def update_appended(
        self, connection: sqlite3.Connection, info: ObjectInfo, content: StoredContent, origin: WriteOrigin
    ) -> ObjectInfo | None:
        """Update an appended object within a transaction. None when `info` is no longer the current object."""
        now = self._storage.clock()
        changed = connection.execute(
            "UPDATE objects SET size = ?, etag = ?, crc64 = ?, last_modified = ?"
            " WHERE bucket = ? AND key = ? AND blob = ? AND size = ?",
            (
                content.size,
                content.etag,
                str(content.crc64),
                int(now),
                info.bucket,
                info.key.encode(),
                content.blob,
                info.size,
            ),
        ).rowcount
        if changed == 0:
            return None
        written = WrittenObject(info.bucket, info.key, content.etag, content.size, content.size - info.size, now)
        self._storage.events.add(connection, written, origin)
        return info._replace(
            size=content.size, etag=content.etag, crc64=content.crc64, last_modified=utc_datetime(int(now))
        )

    # -- inside

    def _put(
        self,
        bucket: str,
        key: str,
        staged: StagedContent,
        attributes: ObjectAttributes,
        overwrite: bool,
        origin: WriteOrigin,
    ) -> Work:
        checksums = staged.checksums
        content = StoredContent(checksums.size, checksums.etag, checksums.crc64, "Normal", staged.blob)

        def work(connection: sqlite3.Connection) -> ObjectInfo:
            info = self._insert(connection, bucket, key, content, attributes, overwrite, origin)
            self._storage.keep(staged)
            return info

        return work

    def _insert(
        self,
        connection: sqlite3.Connection,
        bucket: str,
        key: str,
        content: StoredContent,
        attributes: ObjectAttributes,
        overwrite: bool,
        origin: WriteOrigin,
    ) -> ObjectInfo:
        encoded, now = key.encode(), self._storage.clock()
        old = connection.execute(
            "SELECT blob, size FROM objects WHERE bucket = ? AND key = ?", (bucket, encoded)
        ).fetchone()
        if old and not overwrite:
            raise ObjectExists(key)
        row = row_values(content, attributes, int(now))
        try:
            connection.execute(_INSERT, (bucket, encoded, *row))
        except sqlite3.IntegrityError:
            raise NoSuchBucket(bucket) from None  # the only constraint it can break
        delta = content.size - (old["size"] if old else 0)
        self._storage.events.add(connection, WrittenObject(bucket, key, content.etag, content.size, delta, now), origin)
        if old:
            self._storage.drop(connection, old["blob"])
        return object_info(bucket, key, row, self._directory)

    def _write(self, work: Work, origin: WriteOrigin) -> ObjectInfo:
        info = self._storage.database.write(work)
        self._storage.events.notify_relay(origin)
        return info

    def _change(self, bucket: str, key: str, assignments: str, *new: object) -> None:
        def work(connection: sqlite3.Connection) -> None:
            update = f"UPDATE objects SET {assignments} WHERE bucket = ? AND key = ?"  # noqa: S608  # our own
            if connection.execute(update, (*new, bucket, key.encode())).rowcount == 0:
                require_bucket(connection, bucket)
                raise NoSuchKey(bucket, key)

        self._storage.database.write(work)
