"""Sources that were written again byte for byte: another ETag (of a multipart upload, say), and nothing to convert."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from oss_audio_core.catalogue import sources
from oss_audio_core.catalogue.conversions import CHUNK
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.schema import conversion, listing, source
from oss_audio_core.oss import OssSettings
from oss_audio_core.oss.error_classification import is_object_error

CONCURRENCY = 8
"""Objects asked about at once."""


def find_unchanged_content(catalogue: Catalogue, settings: OssSettings, batch_id: int) -> int:
    """Ask OSS for the CRC-64 of listed objects that have the size of what was planned, and another ETag.

    One HEAD for each such object and ETag, once; only where the CRC-64 of what was planned is known, which verification
    finds out. Planning compares the two.

    Returns:
        How many were asked about.

    Raises:
        oss2.exceptions.OssError, requests.RequestException: asking failed, and not because of one object.
    """
    session = settings.session(CONCURRENCY)
    asked = 0
    with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="same") as pool:
        for page in _rewritten(catalogue, batch_id):
            found = list(pool.map(lambda row: (row, _crc64(settings, session, row)), page))
            with catalogue.write() as connection:
                for row, crc64 in found:
                    if crc64 is not None:
                        sources.record_crc64(connection, row, crc64)
            asked += len(page)
    return asked


def _rewritten(catalogue: Catalogue, batch_id: int) -> Iterator[Sequence[Row[Any]]]:
    """Listed objects that may hold the bytes that were planned, some at a time."""
    place, after = sa.tuple_(listing.c.bucket, listing.c.key), ("", "")
    while True:
        # A part of the listing first, by its key, and then what goes with it: for `key > after` beside the join, SQLite
        # goes through all the later conversions for each listed object.
        part = (
            sa.select(listing)
            .where(listing.c.batch_id == batch_id, place > after)
            .order_by(listing.c.bucket, listing.c.key)
            .limit(CHUNK)
            .subquery()
        )
        end = sa.select(part.c.bucket, part.c.key).order_by(part.c.bucket.desc(), part.c.key.desc()).limit(1)
        with catalogue.read() as connection:
            last = connection.execute(end).first()
            page = connection.execute(_may_be_the_same(part)).all()
        if last is None:
            return
        if page:
            yield page
        after = (last.bucket, last.key)


def _may_be_the_same(listed: sa.Subquery) -> sa.Select[Any]:
    """Those of some listed objects that have the size of what was planned, another ETag, and no known CRC-64."""
    content = source.alias("content")
    return (
        sa.select(listed)
        .distinct()
        .join(
            conversion,
            sa.and_(conversion.c.bucket == listed.c.bucket, conversion.c.key == listed.c.key, conversion.c.newest),
        )
        .join(source, source.c.id == conversion.c.source_id)
        .outerjoin(
            content,
            sa.and_(
                content.c.bucket == listed.c.bucket, content.c.key == listed.c.key, content.c.etag == listed.c.etag
            ),
        )
        .where(
            source.c.etag != listed.c.etag,
            source.c.size == listed.c.size,
            source.c.crc64.is_not(None),
            content.c.crc64.is_(None),
        )
        .order_by(listed.c.key)
    )


def _crc64(settings: OssSettings, session: Any, row: Row[Any]) -> str | None:
    """In decimal; None where OSS has none, or the object was written again since."""
    import oss2

    bucket = settings.bucket(row.bucket, session=session)
    try:
        head = bucket.head_object(row.key, headers={"If-Match": f'"{row.etag}"'})
    except oss2.exceptions.OssError as error:
        if not is_object_error(error):
            raise
        return None
    return None if head.server_crc is None else str(head.server_crc)
