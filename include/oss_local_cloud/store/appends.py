"""Appendable objects (AppendObject).

An appendable object has a file that no other object shares. New bytes are written after its end and flushed, then
the database commits the new size. Readers read only as far as the size of their lookup. A crash in between leaves
bytes after the end, which the next append truncates.
"""

from __future__ import annotations

import sqlite3
import threading

from oss_local_cloud.events.write_origin import current_origin
from oss_local_cloud.interfaces import NoSuchKey, ObjectInfo
from oss_local_cloud.store.checksums import combine_crc64
from oss_local_cloud.store.object_rows import ObjectAttributes, StoredContent
from oss_local_cloud.store.objects import ObjectExists, Objects
from oss_local_cloud.store.staged_content import StagedContent, discard_on_error
from oss_local_cloud.store.storage import Storage

_LOCK_COUNT = 64


class NotAppendable(Exception):
    """The object was not created by an append."""


class PositionMismatch(Exception):
    """The position of an append is not the object's `length`."""

    def __init__(self, length: int) -> None:
        super().__init__(f"Position is not equal to file length {length}")
        self.length = length


class Appends:
    """Appends. Methods block and may be called from any thread; appends to one object are serialized."""

    def __init__(self, storage: Storage, objects: Objects) -> None:
        self._storage = storage
        self._objects = objects
        self._key_locks = [threading.Lock() for _ in range(_LOCK_COUNT)]

    def append(
        self, bucket: str, key: str, position: int, staged: StagedContent, attributes: ObjectAttributes
    ) -> ObjectInfo:
        """Add content to the end of an object, or create one with these attributes at position 0.

        The content is discarded on an error.

        Raises:
            NoSuchBucket: There is no such bucket.
            NotAppendable: The object was not created by an append.
            PositionMismatch: `position` is not the object's length.
        """
        with discard_on_error(staged), self._key_locks[hash((bucket, key)) % _LOCK_COUNT]:
            while True:
                info = self._find(bucket, key)
                self.check(info, position)
                appended = self._create(bucket, key, staged, attributes) if info is None else self._extend(info, staged)
                if appended is not None:
                    return appended

    def check(self, info: ObjectInfo | None, position: int) -> None:
        """Check that an object can be appended to at `position`; `info` None: there is no object.

        Raises:
            NotAppendable: The object was not created by an append.
            PositionMismatch: `position` is not the object's length.
        """
        if info is not None and info.object_type != "Appendable":
            raise NotAppendable(info.key)
        length = 0 if info is None else info.size
        if position != length:
            raise PositionMismatch(length)

    def _find(self, bucket: str, key: str) -> ObjectInfo | None:
        try:
            return self._objects.entry(bucket, key)
        except NoSuchKey:
            return None

    def _create(self, bucket: str, key: str, staged: StagedContent, attributes: ObjectAttributes) -> ObjectInfo | None:
        staged.finish()
        checksums = staged.checksums
        content = StoredContent(
            checksums.size, _etag(checksums.crc64, checksums.size), checksums.crc64, "Appendable", staged.blob
        )
        try:
            return self._objects.insert(bucket, key, content, attributes, staged=staged, overwrite=False)
        except ObjectExists:
            return None  # created concurrently: look up again

    def _extend(self, info: ObjectInfo, staged: StagedContent) -> ObjectInfo | None:
        try:
            staged.append_to(info.path, info.size)
        except FileNotFoundError:
            return None  # overwritten or deleted concurrently
        size = info.size + staged.checksums.size
        crc64 = combine_crc64(info.crc64, staged.checksums.crc64, staged.checksums.size)
        blob = f"{info.path.parent.name}/{info.path.name}"
        content = StoredContent(size, _etag(crc64, size), crc64, "Appendable", blob)
        origin = current_origin()

        def work(connection: sqlite3.Connection) -> ObjectInfo | None:
            return self._objects.update_appended(connection, info, content, origin)

        grown = self._storage.database.write(work)
        if grown is not None:
            staged.discard()
            self._storage.events.notify_relay(origin)
        return grown


def _etag(crc64: int, size: int) -> str:
    """The ETag. As in OSS it changes with the content, is not an MD5, and ends in zeros."""
    return f"{crc64:016X}{size & 0xFFFFFFFF:08X}00000000"
