"""Pages of a bucket's unfinished uploads, by key in UTF-8 byte order and then by id (ListMultipartUploads)."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from oss_local_cloud.store.object_listing import END_OF_KEYS, successor
from oss_local_cloud.store.object_rows import utc_datetime

_UPLOADS = """
    SELECT key, id, initiated, storage_class FROM uploads
    WHERE bucket = ? AND key >= ? AND key < ? ORDER BY key, id
"""


class ListedUpload(NamedTuple):
    """One upload as a listing shows it; `initiated` in UTC."""

    key: str
    id: str
    initiated: datetime
    storage_class: str


@dataclass(frozen=True)
class UploadPage:
    """One page of uploads.

    Attributes:
        uploads: The uploads.
        common_prefixes: Groups of keys that the delimiter folds.
        next_after: Key and id of the last entry when more follow, else None. A common prefix has an empty id.
    """

    uploads: list[ListedUpload]
    common_prefixes: list[str]
    next_after: tuple[str, str] | None


def list_uploads(
    connection: sqlite3.Connection,
    bucket: str,
    *,
    prefix: str,
    delimiter: str,
    key_after: str,
    id_after: str,
    limit: int,
) -> UploadPage:
    """The first `limit` entries that begin with `prefix` and come after a key.

    With `id_after` the key itself counts too, as far as its uploads come after that id.
    """
    start, fold, key_marker = prefix.encode(), delimiter.encode(), key_after.encode()
    end = successor(start) if start else END_OF_KEYS
    uploads: list[ListedUpload] = []
    prefixes: list[str] = []
    last = ("", "")
    rows = connection.execute(_UPLOADS, (bucket, max(start, key_marker), end))
    for key, upload, initiated, storage_class in rows:
        if key == key_marker and not (id_after and upload > id_after):
            continue
        at = key.find(fold, len(start)) if fold else -1
        folded = key[: at + len(fold)].decode() if at >= 0 else None
        if folded is not None and folded in (key_after, *prefixes[-1:]):
            continue
        if len(uploads) + len(prefixes) == limit:
            return UploadPage(uploads, prefixes, last)
        if folded is not None:
            last = (folded, "")
            prefixes.append(folded)
        else:
            last = (key.decode(), upload)
            uploads.append(ListedUpload(*last, utc_datetime(initiated), storage_class))
    return UploadPage(uploads, prefixes, None)
