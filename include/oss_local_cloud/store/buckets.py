"""The buckets of the store."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from oss_local_cloud.interfaces import NoSuchBucket
from oss_local_cloud.store.object_rows import utc_datetime
from oss_local_cloud.store.storage import Storage, require_bucket


class BucketNotEmpty(Exception):
    """A bucket with objects or unfinished uploads can't be deleted."""


@dataclass(frozen=True)
class BucketInfo:
    """A bucket; `created` is in UTC, `imm_project` None when it is bound to no IMM project."""

    name: str
    created: datetime
    imm_project: str | None


class Buckets:
    """Creation, lookup and deletion of buckets. Every method blocks and may be called from any thread."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def create_bucket(self, name: str, *, imm_project: str | None = None) -> None:
        """Create a bucket unless it exists; an `imm_project` is bound in both cases."""
        self._storage.database.write(
            lambda connection: connection.execute(
                "INSERT INTO buckets VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
                " SET imm_project = coalesce(excluded.imm_project, imm_project)",
                (name, int(self._storage.clock()), imm_project),
            )
        )

    def delete_bucket(self, name: str) -> None:
        """Delete an empty bucket.

        Raises:
            NoSuchBucket: There is no such bucket.
            BucketNotEmpty: It has objects or unfinished uploads.
        """

        def work(connection: sqlite3.Connection) -> None:
            require_bucket(connection, name)
            for table in ("objects", "uploads"):
                query = f"SELECT 1 FROM {table} WHERE bucket = ? LIMIT 1"  # noqa: S608  # one of two constants
                if connection.execute(query, (name,)).fetchone():
                    raise BucketNotEmpty(name)
            connection.execute("DELETE FROM buckets WHERE name = ?", (name,))

        self._storage.database.write(work)

    def bucket(self, name: str) -> BucketInfo:
        """Look a bucket up.

        Raises:
            NoSuchBucket: There is no such bucket.
        """
        row = self._storage.database.reader().execute("SELECT * FROM buckets WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise NoSuchBucket(name)
        return BucketInfo(row[0], utc_datetime(row[1]), row[2])

    def buckets(self, *, prefix: str, after: str, limit: int) -> list[BucketInfo]:
        """Buckets in the order of their names."""
        rows = self._storage.database.reader().execute(
            "SELECT * FROM buckets WHERE name > ? AND substr(name, 1, length(?)) = ? ORDER BY name LIMIT ?",
            (after, prefix, prefix, limit),
        )
        return [BucketInfo(row[0], utc_datetime(row[1]), row[2]) for row in rows]

    def bucket_usage(self, name: str) -> dict[str, tuple[int, int]]:
        """Number of objects and bytes in a bucket, by storage class.

        Raises:
            NoSuchBucket: There is no such bucket.
        """
        reader = self._storage.database.reader()
        require_bucket(reader, name)
        rows = reader.execute(
            "SELECT storage_class, count(*), sum(size) FROM objects WHERE bucket = ? GROUP BY storage_class", (name,)
        )
        return {storage_class: (count, size) for storage_class, count, size in rows}

    def bind_imm_project(self, bucket: str, project: str | None) -> None:
        """Bind a bucket to an IMM project, or to none.

        Raises:
            NoSuchBucket: There is no such bucket.
        """

        def work(connection: sqlite3.Connection) -> None:
            require_bucket(connection, bucket)
            connection.execute("UPDATE buckets SET imm_project = ? WHERE name = ?", (project, bucket))

        self._storage.database.write(work)

    def imm_project(self, bucket: str) -> str | None:
        """The IMM project of a bucket, None when it is bound to none.

        Raises:
            NoSuchBucket: There is no such bucket.
        """
        return self.bucket(bucket).imm_project
