"""Multipart uploads: parts that are stored until they are completed to an object, or aborted.

An acknowledged part is a flushed blob and a row, as durable as an object. Completion concatenates the parts into one
new blob, inside the kernel where the file system can. One transaction then inserts the object and deletes the upload:
at any time there is either the upload with all its parts or the object.
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
    """No upload of this key has this id: it never existed, or it is completed or aborted."""


class InvalidPart(Exception):
    """The part `number` is missing or has another ETag."""

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
    """An unfinished upload; `initiated` in UTC."""

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
        """Begin an upload of an object with these attributes; returns its id.

        Raises:
            NoSuchBucket: There is no such bucket.
        """
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
        """Look an upload up.

        Raises:
            NoSuchUpload: There is no such upload.
        """
        return _find(self._storage.database.reader(), bucket, key, upload)

    async def put_part(self, bucket: str, key: str, upload: str, number: int, staged: StagedContent) -> Part:
        """Store a part, in place of an earlier one of this number.

        The content is in memory or finished. It is discarded on an error.

        Raises:
            NoSuchUpload: There is no such upload.
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
        """The stored parts in the order of their numbers: `limit` of them (-1: all) above the number `after`."""
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
        requested: Sequence[tuple[int, str]] | None,
        *,
        overwrite: bool = True,
    ) -> ObjectInfo:
        """Make an object of the parts of these numbers and ETags, in this order; None: of all parts.

        The upload remains on an error.

        Raises:
            NoSuchUpload: There is no such upload.
            InvalidPart: A part is missing or has another ETag.
            PartTooSmall: A part but the last has less than MIN_PART_BYTES.
            ObjectExists: The object exists and `overwrite` is False.
        """
        stored = {part.number: part for part in self.parts(upload)}
        found = self.find(bucket, key, upload)  # after its parts: fails for an upload that ended in between
        parts = list(stored.values()) if requested is None else _select_parts(stored, requested)
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
                raise self._missing_part(bucket, key, upload, parts) from None
            size, crc64 = 0, 0
            for part in parts:
                size, crc64 = size + part.size, combine_crc64(crc64, part.crc64, part.size)

            def remove_upload(connection: sqlite3.Connection) -> None:
                _find(connection, bucket, key, upload)
                rows = connection.execute("SELECT number, blob FROM parts WHERE upload = ?", (upload,))
                blobs = {row["number"]: row["blob"] for row in rows}
                for part in parts:
                    if blobs.get(part.number) != part.blob:
                        raise InvalidPart(part.number)
                self._delete_upload(connection, upload)

            content = StoredContent(size, _etag(parts), crc64, "Multipart", staged.blob)
            return self._objects.insert(
                bucket, key, content, found.attributes, staged=staged, overwrite=overwrite, before=remove_upload
            )

    def abort(self, bucket: str, key: str, upload: str) -> None:
        """Delete an upload and its parts.

        Raises:
            NoSuchUpload: There is no such upload.
        """

        def work(connection: sqlite3.Connection) -> None:
            _find(connection, bucket, key, upload)
            self._delete_upload(connection, upload)

        self._storage.database.write(work)

    def list(
        self, bucket: str, *, prefix: str, delimiter: str, key_after: str, id_after: str, limit: int
    ) -> UploadPage:
        """One page of the unfinished uploads.

        Raises:
            NoSuchBucket: There is no such bucket.
        """
        reader = self._storage.database.reader()
        require_bucket(reader, bucket)
        return list_uploads(
            reader, bucket, prefix=prefix, delimiter=delimiter, key_after=key_after, id_after=id_after, limit=limit
        )

    def count(self, bucket: str) -> int:
        """Number of unfinished uploads in a bucket."""
        reader = self._storage.database.reader()
        (count,) = reader.execute("SELECT count(*) FROM uploads WHERE bucket = ?", (bucket,)).fetchone()
        return int(count)

    def _delete_upload(self, connection: sqlite3.Connection, upload: str) -> None:
        for (blob,) in connection.execute("SELECT blob FROM parts WHERE upload = ?", (upload,)).fetchall():
            self._storage.drop(connection, blob)
        connection.execute("DELETE FROM uploads WHERE id = ?", (upload,))

    def _missing_part(self, bucket: str, key: str, upload: str, parts: Sequence[Part]) -> Exception:
        """Why a part's file is gone: the upload ended, or the part was stored anew."""
        stored = {part.number: part for part in self.parts(upload)}
        self.find(bucket, key, upload)
        return InvalidPart(next((part.number for part in parts if stored.get(part.number) != part), 0))


def _find(connection: sqlite3.Connection, bucket: str, key: str, upload: str) -> Upload:
    row = connection.execute(
        "SELECT * FROM uploads WHERE id = ? AND bucket = ? AND key = ?", (upload, bucket, key.encode())
    ).fetchone()
    if row is None:
        raise NoSuchUpload(upload)
    return Upload(bucket, key, upload, utc_datetime(row["initiated"]), attributes_from_row(row))


def _select_parts(stored: dict[int, Part], requested: Sequence[tuple[int, str]]) -> list[Part]:
    parts = []
    for number, etag in requested:
        part = stored.get(number)
        if part is None or part.etag != etag:
            raise InvalidPart(number)
        parts.append(part)
    return parts


def _etag(parts: Sequence[Part]) -> str:
    """MD5 of the parts' MD5s, and the number of parts."""
    digests = b"".join(bytes.fromhex(part.etag) for part in parts)
    return f"{hashlib.md5(digests, usedforsecurity=False).hexdigest().upper()}-{len(parts)}"
