"""The catalogue against the buckets: renditions that are missing or were changed, objects without a row.

It costs one LIST page per thousand objects in the folders of the renditions, and one HEAD for every difference: a
rendition that is published during the check must not be reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import takewhile
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.schema import conversion, rendition, source
from oss_audio_core.catalogue.states import ACTIVE, State
from oss_audio_core.oss import OssSettings

PAGE = 1000
"""Objects of one LIST page; OSS gives no more."""

_STAGED = re.compile(r"(.*/(\d{1,18})-\d+\.\w+)(?:\.\w+\.\w+)?", re.ASCII | re.DOTALL)
"""The staging key of an attempt's output, …/{conversion}-{attempt}.{ext}, perhaps with the ending of a sidecar."""


class Kind(StrEnum):
    """The kinds of differences."""

    MISSING = "missing"  # the catalogue has a rendition where no object is
    CHANGED = "changed"  # the object is not the one that was published
    REWRITTEN = "rewritten"  # the same bytes (size and CRC-64) under another ETag
    ORPHANED = "orphaned"  # an object in a folder of renditions without a row in the catalogue
    STAGED = "staged"  # an object in the staging folder that no conversion needs


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
    """Compare every published rendition with its object, and find objects without a row.

    Orphans are reported in the folders that renditions share. Where renditions are in the root of a bucket, among other
    objects, none is reported.

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
            if folder.prefix:
                staged = [key for key in listed if staging and key.startswith(staging)]
                yield from self._orphans(folder, [one for key, one in listed.items() if key not in staged])
            after = last or ""

    def staged(self, folder: _Folder) -> Iterator[Difference]:
        """Objects in the staging folder that no active, quarantined or failed conversion has."""
        wanted = [state.value for state in sorted({*ACTIVE, State.QUARANTINED, State.FAILED})]
        for objects, _ in self._pages(folder):
            outputs = {one.key: match for one in objects if (match := _STAGED.fullmatch(one.key))}
            ids = {int(match[2]) for match in outputs.values()}
            with self._catalogue.read() as connection:
                held = connection.scalars(
                    sa.select(conversion.c.output_key).where(
                        conversion.c.id.in_(ids),
                        conversion.c.output_bucket == folder.bucket,
                        conversion.c.state.in_(wanted),
                    )
                ).all()
            for one in objects:
                if one.key not in outputs or outputs[one.key][1] not in held:
                    detail = "no conversion needs it"
                    yield Difference(
                        Kind.STAGED, folder.bucket, one.key, detail, etag=one.etag, modified_at=_modified(one)
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

    def _orphans(self, folder: _Folder, objects: Sequence[Any]) -> Iterator[Difference]:
        """Objects that are no rendition, no source, no sidecar, and not the target of an active conversion."""
        keys = [one.key for one in objects]
        with self._catalogue.read() as connection:
            known = set(
                connection.scalars(
                    sa.union_all(
                        sa.select(source.c.key).where(source.c.bucket == folder.bucket, source.c.key.in_(keys)),
                        sa.select(rendition.c.key).where(
                            rendition.c.bucket == folder.bucket, rendition.c.key.in_(keys)
                        ),
                        sa.select(conversion.c.target_key).where(
                            conversion.c.target_bucket == folder.bucket,
                            conversion.c.target_key.in_(keys),
                            conversion.c.state.in_([state.value for state in sorted(ACTIVE)]),
                        ),
                        *(
                            sa.select(column).where(rendition.c[name].in_(uris))
                            for name, uris, column in _sidecar_columns(folder.bucket, keys)
                        ),
                    )
                )
            )
        for one in objects:
            if one.key not in known:
                detail = f"{one.size} bytes, in no row of the catalogue"
                yield Difference(
                    Kind.ORPHANED, folder.bucket, one.key, detail, etag=one.etag.strip('"'), modified_at=_modified(one)
                )


def _sidecar_columns(bucket: str, keys: Sequence[str]) -> Iterator[tuple[str, list[str], sa.ColumnElement[str]]]:
    """For each column of sidecar addresses: its name, the addresses of the keys, and the key in the column."""
    start = len(f"oss://{bucket}/") + 1
    for name in ("waveform_uri", "picture_uri"):
        yield name, [f"oss://{bucket}/{key}" for key in keys], sa.func.substr(rendition.c[name], start)


def _modified(one: Any) -> datetime:
    return datetime.fromtimestamp(one.last_modified, UTC)
