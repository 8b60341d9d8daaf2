"""The catalogue against the buckets: renditions that are missing or were changed, own objects without a row.

It costs one LIST page per thousand objects in the folders of the renditions, and one HEAD for every difference: a
rendition that is published during the check must not be reported. Objects that this catalogue did not write are passed
over (`unneeded_objects`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import takewhile
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.schema import conversion, rendition
from oss_audio_core.catalogue.unneeded_objects import UnneededObjects
from oss_audio_core.oss import OssSettings

PAGE = 1000
"""Objects of one LIST page; OSS gives no more."""


class Kind(StrEnum):
    """The kinds of differences."""

    MISSING = "missing"  # the catalogue has a rendition where no object is
    CHANGED = "changed"  # the object is not the one that was published
    REWRITTEN = "rewritten"  # the same bytes (size and CRC-64) under another ETag
    ORPHANED = "orphaned"  # an object of the catalogue's own in a folder of renditions that no row describes
    STAGED = "staged"  # an object of the catalogue's own in the staging folder that no conversion needs


@dataclass(frozen=True)
class Difference:
    """One object or rendition that differs from the catalogue.

    Attributes:
        detail: what was expected and what was found, as a sentence.
        conversion_id: of the rendition; None for objects that have none.
        etag: of the object now; None when it is missing.
        modified_at: of the object, by OSS's clock.
    """

    kind: Kind
    bucket: str
    key: str
    detail: str
    conversion_id: int | None = None
    etag: str | None = None
    modified_at: datetime | None = None


@dataclass(frozen=True)
class _Folder:
    bucket: str
    prefix: str


def check(catalogue: Catalogue, settings: OssSettings, *, staging: str | None = ".staging/") -> Iterator[Difference]:
    """Compare every published rendition with its object, and find own objects that nothing needs.

    Orphans are looked for in the folders that renditions share.

    Args:
        catalogue: the open catalogue.
        settings: of OSS.
        staging: prefix of the staging folder in the target buckets; None: it isn't checked.

    Yields:
        The differences, folder by folder.

    Raises:
        oss2.exceptions.OssError: a bucket can't be read.
        requests.RequestException: the connection broke while an answer was read.
    """
    with catalogue.read() as connection:
        ends = connection.execute(
            sa.select(
                rendition.c.bucket, rendition.c.profile, sa.func.min(rendition.c.key), sa.func.max(rendition.c.key)
            ).group_by(rendition.c.bucket, rendition.c.profile)
        ).all()
        buckets = connection.scalars(sa.select(conversion.c.target_bucket).distinct()).all()
    checker = _Checker(catalogue, settings)
    for folder in _folders([(row[0], _common_folder(row[2], row[3])) for row in ends]):
        yield from checker.compare(folder, staging)
    if staging:
        for bucket in sorted(buckets):
            yield from checker.staged(_Folder(bucket, staging))


def _common_folder(first: str, last: str) -> str:
    """The folder that all keys between two share, ending with "/"; empty: the root."""
    shared = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    folder, slash, _ = "".join(one for one, _ in shared).rpartition("/")
    return folder + slash


def _folders(found: Sequence[tuple[str, str]]) -> list[_Folder]:
    """The folders without duplicates and without folders inside another one."""
    folders: list[_Folder] = []
    for bucket, prefix in sorted(set(found)):
        if not (folders and folders[-1].bucket == bucket and prefix.startswith(folders[-1].prefix)):
            folders.append(_Folder(bucket, prefix))
    return folders


class _Checker:
    def __init__(self, catalogue: Catalogue, settings: OssSettings) -> None:
        self._catalogue = catalogue
        self._settings = settings
        self._session = settings.session()
        self._own = UnneededObjects(catalogue)

    def compare(self, folder: _Folder, staging: str | None) -> Iterator[Difference]:
        """Compare the folder's objects with its renditions, both read in the order of their keys."""
        after = ""
        for objects, last in self._pages(folder):
            listed = {one.key: one for one in objects}
            known = self._renditions(folder, after, last)
            for row in known:
                listed_object = listed.pop(row.key, None)
                if listed_object is None or listed_object.etag.strip('"') != row.etag or listed_object.size != row.size:
                    yield from self._confirm(row)
            yield from self._orphans(
                folder, {key: one for key, one in listed.items() if not (staging and key.startswith(staging))}
            )
            after = last or ""

    def staged(self, folder: _Folder) -> Iterator[Difference]:
        """Objects in the staging folder that no active, quarantined or failed conversion has."""
        for objects, _ in self._pages(folder):
            listed = {one.key: one for one in objects}
            for key in self._own.left_in_staging(folder.bucket, folder.prefix, listed):
                one = listed[key]
                yield Difference(
                    Kind.STAGED,
                    folder.bucket,
                    key,
                    "no conversion needs it",
                    etag=one.etag.strip('"'),
                    modified_at=_modified(one),
                )

    def _pages(self, folder: _Folder) -> Iterator[tuple[list[Any], str | None]]:
        """Pages of a LIST, each with its last key; None: it is the last page."""
        bucket = self._settings.bucket(folder.bucket, session=self._session)
        token = ""
        while True:
            answer = bucket.list_objects_v2(prefix=folder.prefix, continuation_token=token, max_keys=PAGE)
            objects = [one for one in answer.object_list if not one.key.endswith("/")]
            if not answer.is_truncated:
                yield objects, None
                return
            yield objects, max(one.key for one in answer.object_list)
            token = answer.next_continuation_token

    def _renditions(self, folder: _Folder, after: str, last: str | None) -> Sequence[Row[Any]]:
        """The renditions in the range of keys of a LIST page; of the last page, all that remain."""
        keys = [rendition.c.bucket == folder.bucket, rendition.c.key >= folder.prefix, rendition.c.key > after]
        if last is not None:
            keys.append(rendition.c.key <= last)
        elif folder.prefix:
            keys.append(rendition.c.key < folder.prefix[:-1] + chr(ord(folder.prefix[-1]) + 1))
        with self._catalogue.read() as connection:
            return connection.execute(sa.select(rendition).where(*keys).order_by(rendition.c.key)).all()

    def _confirm(self, row: Row[Any]) -> Iterator[Difference]:
        """Check the object, then the row, once more: a rendition that is replaced meanwhile is no difference."""
        import oss2

        expected = f"ETag {row.etag}, {row.size} bytes"
        place = {"bucket": row.bucket, "key": row.key, "conversion_id": row.conversion_id}
        try:
            head = self._settings.bucket(row.bucket, session=self._session).head_object(row.key)
        except oss2.exceptions.NotFound:
            found: Difference | None = Difference(Kind.MISSING, detail=f"expected {expected}, found no object", **place)
        else:
            etag, size = str(head.etag).strip('"'), int(head.content_length)
            crc = head.headers.get("x-oss-hash-crc64ecma")
            same = row.crc64 is not None and (crc, size) == (row.crc64, row.size)
            kind = Kind.REWRITTEN if same else Kind.CHANGED
            detail = f"expected {expected}, found ETag {etag}, {size} bytes"
            modified = datetime.fromtimestamp(head.last_modified, UTC) if head.last_modified else None
            as_entered = (etag, size) == (row.etag, row.size)
            found = None if as_entered else Difference(kind, detail=detail, etag=etag, modified_at=modified, **place)
        with self._catalogue.read() as connection:
            standing = connection.scalar(
                sa.select(rendition.c.etag).where(
                    rendition.c.id == row.id, rendition.c.conversion_id == row.conversion_id
                )
            )
        if found is not None and standing == row.etag:
            yield found

    def _orphans(self, folder: _Folder, listed: Mapping[str, Any]) -> Iterator[Difference]:
        """Own objects that no row describes."""
        bucket = self._settings.bucket(folder.bucket, session=self._session)
        etags = {key: one.etag.strip('"') for key, one in listed.items()}
        for key in self._own.orphaned(bucket, etags):
            detail = f"{listed[key].size} bytes, published by this catalogue and in no row any more"
            yield Difference(
                Kind.ORPHANED, folder.bucket, key, detail, etag=etags[key], modified_at=_modified(listed[key])
            )


def _modified(one: Any) -> datetime:
    return datetime.fromtimestamp(one.last_modified, UTC)
