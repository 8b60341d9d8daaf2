"""Objects that grow: AppendObject.

An appendable object has a file of its own that nobody else names. Bytes are added behind its end and flushed,
then the database commits its new size; readers never read behind the size they looked up. A crash in between
leaves bytes behind the end, which the next append cuts off.
"""

from __future__ import annotations

import sqlite3
import threading

from oss_local_cloud.events.origin import current_origin
from oss_local_cloud.interfaces import NoSuchKey, ObjectInfo
from oss_local_cloud.store.checksums import combine_crc64
from oss_local_cloud.store.object_rows import ObjectAttributes, StoredContent
from oss_local_cloud.store.objects import ObjectExists, Objects
from oss_local_cloud.store.staged_content import StagedContent, discard_on_error
from oss_local_cloud.store.storage import Storage

_LOCKS = 64


class NotAppendable(Exception):
    """The object was not made by an append."""


class PositionMismatch(Exception):
    """The position of an append is not the object's `length`."""

    def __init__(self, length: int) -> None:
        super().__init__(f"Position is not equal to file length {length}")
        self.length = length


class Appends:
    """Adding to objects. May be called from any thread, and blocks; appends to one object go one by one."""

    def __init__(self, storage: Storage, objects: Objects) -> None:
        self._storage = storage
        self._objects = objects
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    def append(
        self, bucket: str, key: str, position: int, staged: StagedContent, attributes: ObjectAttributes
    ) -> ObjectInfo:
        """Add content to the end of an object, or make one at position 0, which then has these attributes.

        Raises NoSuchBucket, NotAppendable, PositionMismatch; the content is then discarded.
        """
        with discard_on_error(staged), self._locks[hash((bucket, key)) % _LOCKS]:
            while True:
                info = self._find(bucket, key)
                self.check(info, position)
                done = self._begin(bucket, key, staged, attributes) if info is None else self._go_on(info, staged)
                if done is not None:
                    return done

    def check(self, info: ObjectInfo | None, position: int) -> None:
        """Whether an append to what is there can be; raises NotAppendable, PositionMismatch."""
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

    def _begin(self, bucket: str, key: str, staged: StagedContent, attributes: ObjectAttributes) -> ObjectInfo | None:
        staged.finish()
        checksums = staged.checksums
        content = StoredContent(
            checksums.size, _etag(checksums.crc64, checksums.size), checksums.crc64, "Appendable", staged.blob
        )
        try:
            return self._objects.enter(bucket, key, content, attributes, staged=staged, overwrite=False)
        except ObjectExists:
            return None  # somebody put one meanwhile: look again

    def _go_on(self, info: ObjectInfo, staged: StagedContent) -> ObjectInfo | None:
        try:
            staged.append_to(info.path, info.size)
        except FileNotFoundError:
            return None  # overwritten or deleted meanwhile
        size = info.size + staged.checksums.size
        crc64 = combine_crc64(info.crc64, staged.checksums.crc64, staged.checksums.size)
        blob = f"{info.path.parent.name}/{info.path.name}"
        content = StoredContent(size, _etag(crc64, size), crc64, "Appendable", blob)
        origin = current_origin()

        def work(connection: sqlite3.Connection) -> ObjectInfo | None:
            return self._objects.grown(connection, info, content, origin)

        grown = self._storage.database.write(work)
        if grown is not None:
            staged.discard()
            self._storage.events.announce(origin)
        return grown


def _etag(crc64: int, size: int) -> str:
    """Something that changes with the content and, as in OSS, is not its MD5 and ends in zeros."""
    return f"{crc64:016X}{size & 0xFFFFFFFF:08X}00000000"
