"""Pages of a bucket's keys in UTF-8 byte order, by range scans of the index (GetBucket and ListObjectsV2).

The cost of a page depends on its entries and not on the size of the bucket: keys come from one range scan, and each
group of keys that a delimiter folds into a common prefix is skipped by one seek to its end.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import NamedTuple

_PAGE = """
    SELECT key, size, etag, last_modified, object_type, storage_class FROM objects
    WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?
"""
END_OF_KEYS = b"\xff"  # no UTF-8 text begins with this byte


class ListedObject(NamedTuple):
    """One object as a listing shows it; `last_modified` in seconds since the epoch."""

    key: str
    size: int
    etag: str
    last_modified: int
    object_type: str
    storage_class: str


@dataclass(frozen=True)
class Page:
    """One page: objects, common prefixes, and its last entry when more follow (else None)."""

    objects: list[ListedObject]
    common_prefixes: list[str]
    next_after: str | None


def list_page(
    connection: sqlite3.Connection, bucket: str, *, prefix: str, delimiter: str, after: str, limit: int
) -> Page:
    """The first `limit` entries of `bucket` that begin with `prefix` and come after the entry `after`.

    The page is read in one transaction. It is therefore consistent, and the database is locked once instead of once for
    each group that is skipped.
    """
    connection.execute("BEGIN")
    try:
        return _read_page(connection, bucket, prefix, delimiter, after, limit)
    finally:
        connection.execute("COMMIT")


def _read_page(
    connection: sqlite3.Connection, bucket: str, prefix: str, delimiter: str, after: str, limit: int
) -> Page:
    start, fold = prefix.encode(), delimiter.encode()
    end = successor(start) if start else END_OF_KEYS
    position = max(start, _first_after(after.encode(), start, fold) if after else b"")
    objects: list[ListedObject] = []
    prefixes: list[str] = []
    last = ""
    cursor = connection.cursor()
    cursor.row_factory = None  # plain tuples
    while True:
        room = limit - len(objects) - len(prefixes)
        folded: bytes | None = None
        more = False
        for key, size, etag, modified, kind, storage_class in cursor.execute(_PAGE, (bucket, position, end, room + 1)):
            if room == 0:
                more = True
                break
            at = key.find(fold, len(start)) if fold else -1
            if at >= 0:
                folded = key[: at + len(fold)]
                break
            last = key.decode()
            objects.append(ListedObject(last, size, etag, modified, kind, storage_class))
            room -= 1
        if folded is None:
            return Page(objects, prefixes, last if more else None)
        last = folded.decode()
        prefixes.append(last)
        position = successor(folded)


def _first_after(after: bytes, prefix: bytes, fold: bytes) -> bytes:
    """The first key after an entry: after the whole group when the entry is a common prefix."""
    if fold and after.startswith(prefix):
        at = after.find(fold, len(prefix))
        if at >= 0 and at + len(fold) == len(after):
            return successor(after)
    return after + b"\0"


def successor(prefix: bytes) -> bytes:
    """The smallest byte string above everything that begins with `prefix` (UTF-8 has no byte 0xFF)."""
    return prefix[:-1] + bytes([prefix[-1] + 1])
