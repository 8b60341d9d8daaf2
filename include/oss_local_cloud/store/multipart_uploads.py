"""Multipart uploads: parts that are kept until they are completed to an object, or aborted.

An acknowledged part is a flushed blob and a row, so it survives what an object survives. Completing joins the
parts into one new blob, inside the kernel where the file system can, and one transaction then makes the object
and forgets the upload: at any time there is either the upload with all its parts or the object.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from oss_local_cloud.interfaces import ObjectInfo
from oss_local_cloud.store.checksums import combine_crc64
from oss_local_cloud.store.object_rows import (
    ATTRIBUTES,
    ObjectAttributes,
    StoredContent,
    attribute_values,
    attributes_from_row,
    utc_datetime,
)
from oss_local_cloud.store.objects import Objects
from oss_local_cloud.store.staged_content import StagedContent, discard_on_error
from oss_local_cloud.store.storage import Storage, require_bucket
from oss_local_cloud.store.upload_listing import UploadPage, list_uploads

MIN_PART_BYTES = 100 << 10
"""Bytes of every part but the last at least ("CompleteMultipartUpload")."""


class NoSuchUpload(LookupError):
    """No upload of this key has this id: it never was, or it is completed or aborted."""


class InvalidPart(Exception):
    """A part that is to be completed is not there, or has another ETag. `number` says which."""

    def __init__(self, number: int) -> None:
        super().__init__(f"part {number}")
        self.number = number


class PartTooSmall(Exception):
    """A part that is not the last one has less than MIN_PART_BYTES bytes."""

    def __init__(self, part: Part) -> None:
        super().__init__(f"part {part.number} has {part.size} bytes")
        self.part = part


@dataclass(frozen=True)
class Upload:
    """An upload that is under way; `initiated` in UTC."""

    bucket: str
    key: str
    id: str
    initiated: datetime
    attributes: ObjectAttributes


@dataclass(frozen=True)
class Part:
    """A part as it was stored; size in bytes, time in UTC."""

    number: int
    size: int
    etag: str
    crc64: int
    last_modified: datetime
    blob: str


class MultipartUploads:
    """Every method but `put_part` blocks and may be called from any thread."""

    def __init__(self, storage: Storage, objects: Objects) -> None:
        self._storage = storage
        self._objects = objects

    def begin(self, bucket: str, key: str, attributes: ObjectAttributes) -> str:
        """Begin an upload of an object with these attributes; returns its id. Raises NoSuchBucket."""
        upload = secrets.token_hex(16).upper()
        row = (upload, bucket, key.encode(), int(self._storage.clock()), *attribute_values(attributes))

        def work(connection: sqlite3.Connection) -> None:
            require_bucket(connection, bucket)
            connection.execute(
                f"INSERT INTO uploads (id, bucket, key, initiated, {ATTRIBUTES})"  # noqa: S608  # constants
                f" VALUES (?{', ?' * (len(row) - 1)})",
                row,
            )

        self._storage.database.write(work)
        return upload

    def find(self, bucket: str, key: str, upload: str) -> Upload:
        """Look an upload up; raises NoSuchUpload."""
        return _find(self._storage.database.reader(), bucket, key, upload)

    async def put_part(self, bucket: str, key: str, upload: str, number: int, staged: StagedContent) -> Part:
        """Store a part, in place of an earlier one of this number; from an event loop, of content that is held in
        memory or finished. Raises NoSuchUpload; the content is then discarded.
        """

        def work(connection: sqlite3.Connection) -> Part:
            _find(connection, bucket, key, upload)
            checksums, now = staged.checksums, int(self._storage.clock())
            old = connection.execute(
                "SELECT blob FROM parts WHERE upload = ? AND number = ?", (upload, number)
            ).fetchone()
            if old:
                self._storage.drop(connection, old["blob"])
            row = (number, checksums.size, checksums.etag, str(checksums.crc64), now, staged.blob)
            connection.execute(
                "INSERT OR REPLACE INTO parts (upload, number, size, etag, crc64, last_modified, blob)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (upload, *row),
            )
            self._storage.keep(staged)
            return Part(number, checksums.size, checksums.etag, checksums.crc64, utc_datetime(now), staged.blob)

        with discard_on_error(staged):
            return await self._storage.database.run(work)

    def parts(self, upload: str, *, after: int = 0, limit: int = -1) -> list[Part]:
        """The parts that were stored, by their numbers: `limit` of them (-1: all) above the number `after`."""
        rows = self._storage.database.reader().execute(
            "SELECT * FROM parts WHERE upload = ? AND number > ? ORDER BY number LIMIT ?", (upload, after, limit)
        )
        return [
            Part(
                row["number"],
                row["size"],
                row["etag"],
                int(row["crc64"]),
                utc_datetime(row["last_modified"]),
                row["blob"],
            )
            for row in rows
        ]

    def complete(
        self,
        bucket: str,
        key: str,
        upload: str,
        chosen: Sequence[tuple[int, str]] | None,
        *,
        overwrite: bool = True,
    ) -> ObjectInfo:
        """Make the parts of these numbers and ETags, in this order, an object; None: of all parts there are.

        Raises NoSuchUpload, InvalidPart, PartTooSmall, and ObjectExists when `overwrite` is False; the upload
        then goes on.
        """
        there = {part.number: part for part in self.parts(upload)}
        found = self.find(bucket, key, upload)  # after its parts: an upload that ended in between is no longer there
        parts = list(there.values()) if chosen is None else _choose(there, chosen)
        if not parts:
            raise InvalidPart(0)
        for part in parts[:-1]:
            if part.size < MIN_PART_BYTES:
                raise PartTooSmall(part)
        staged = self._storage.stage()
        with discard_on_error(staged):
            try:
                staged.join([self._storage.blobs.path(part.blob) for part in parts])
            except FileNotFoundError:
                raise self._moved_on(bucket, key, upload, parts) from None
            size, crc64 = 0, 0
            for part in parts:
                size, crc64 = size + part.size, combine_crc64(crc64, part.crc64, part.size)

            def settle(connection: sqlite3.Connection) -> None:
                _find(connection, bucket, key, upload)
                rows = connection.execute("SELECT number, blob FROM parts WHERE upload = ?", (upload,))
                blobs = {row["number"]: row["blob"] for row in rows}
                for part in parts:
                    if blobs.get(part.number) != part.blob:
                        raise InvalidPart(part.number)
                self._forget(connection, upload)

            content = StoredContent(size, _etag(parts), crc64, "Multipart", staged.blob)
            return self._objects.enter(
                bucket, key, content, found.attributes, staged=staged, overwrite=overwrite, also=settle
            )

    def abort(self, bucket: str, key: str, upload: str) -> None:
        """Forget an upload and its parts; raises NoSuchUpload."""

        def work(connection: sqlite3.Connection) -> None:
            _find(connection, bucket, key, upload)
            self._forget(connection, upload)

        self._storage.database.write(work)

    def list(
        self, bucket: str, *, prefix: str, delimiter: str, key_after: str, id_after: str, limit: int
    ) -> UploadPage:
        """One page of the uploads that are under way; raises NoSuchBucket."""
        reader = self._storage.database.reader()
        require_bucket(reader, bucket)
        return list_uploads(
            reader, bucket, prefix=prefix, delimiter=delimiter, key_after=key_after, id_after=id_after, limit=limit
        )

    def count(self, bucket: str) -> int:
        """MultipartUploads that are under way in a bucket."""
        reader = self._storage.database.reader()
        (count,) = reader.execute("SELECT count(*) FROM uploads WHERE bucket = ?", (bucket,)).fetchone()
        return int(count)

    def _forget(self, connection: sqlite3.Connection, upload: str) -> None:
        for (blob,) in connection.execute("SELECT blob FROM parts WHERE upload = ?", (upload,)).fetchall():
            self._storage.drop(connection, blob)
        connection.execute("DELETE FROM uploads WHERE id = ?", (upload,))

    def _moved_on(self, bucket: str, key: str, upload: str, parts: Sequence[Part]) -> Exception:
        """Why a part's file is gone: the upload ended, or the part was stored anew."""
        there = {part.number: part for part in self.parts(upload)}
        self.find(bucket, key, upload)
        return InvalidPart(next((part.number for part in parts if there.get(part.number) != part), 0))


def _find(connection: sqlite3.Connection, bucket: str, key: str, upload: str) -> Upload:
    row = connection.execute(
        "SELECT * FROM uploads WHERE id = ? AND bucket = ? AND key = ?", (upload, bucket, key.encode())
    ).fetchone()
    if row is None:
        raise NoSuchUpload(upload)
    return Upload(bucket, key, upload, utc_datetime(row["initiated"]), attributes_from_row(row))


def _choose(there: dict[int, Part], chosen: Sequence[tuple[int, str]]) -> list[Part]:
    parts = []
    for number, etag in chosen:
        part = there.get(number)
        if part is None or part.etag != etag:
            raise InvalidPart(number)
        parts.append(part)
    return parts


def _etag(parts: Sequence[Part]) -> str:
    """MD5 of the parts' MD5s, and how many they are."""
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest().upper()}-{len(parts)}"
