"""Sources that were written again byte for byte: another ETag (of a multipart upload, say), and nothing to convert."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row

from include.catalogue import sources
from include.catalogue.conversions import CHUNK
from include.catalogue.database import Catalogue
from include.catalogue.schema import conversion, listing, source
from include.oss import OssSettings

from .refusals import is_about_the_object

#: Objects asked about at once.
CONCURRENCY = 8


def recognise_same_bytes(catalogue: Catalogue, settings: OssSettings, batch_id: int) -> int:
    """Ask OSS for the CRC-64 of listed objects that have the size of what was planned, and another ETag.

    One HEAD for each such object and ETag, once; only where the CRC-64 of what was planned is known, which verification
    finds out. Planning compares the two.

    Returns:
        How many were asked about.

    Raises:
        oss2.exceptions.OssError, requests.RequestException: asking failed, and not for an object's sake.
    """
    session = settings.session(CONCURRENCY)
    asked = 0
    with ThreadPoolExecutor(CONCURRENCY, thread_name_prefix="same") as pool:
        for page in _rewritten(catalogue, batch_id):
            found = list(pool.map(lambda row: (row, _crc64(settings, session, row)), page))
            with catalogue.write() as connection:
                for row, crc64 in found:
                    if crc64 is not None:
                        sources.note_crc64(connection, row, crc64)
            asked += len(page)
    return asked


def _rewritten(catalogue: Catalogue, batch_id: int) -> Iterator[Sequence[Row[Any]]]:
    """Listed objects that may hold the bytes that were planned, some at a time."""
    content = source.alias("content")
    after = ""
    statement = (
        sa.select(listing)
        .distinct()
        .join(
            conversion,
            sa.and_(conversion.c.bucket == listing.c.bucket, conversion.c.key == listing.c.key, conversion.c.newest),
        )
        .join(source, source.c.id == conversion.c.source_id)
        .outerjoin(
            content,
            sa.and_(
                content.c.bucket == listing.c.bucket, content.c.key == listing.c.key, content.c.etag == listing.c.etag
            ),
        )
        .where(
            listing.c.batch_id == batch_id,
            source.c.etag != listing.c.etag,
            source.c.size == listing.c.size,
            source.c.crc64.is_not(None),
            content.c.crc64.is_(None),
        )
        .order_by(listing.c.key)
        .limit(CHUNK)
    )
    while True:
        with catalogue.read() as connection:
            page = connection.execute(statement.where(listing.c.key > after)).all()
        if not page:
            return
        yield page
        after = page[-1].key


def _crc64(settings: OssSettings, session: Any, row: Row[Any]) -> str | None:
    """In decimal; None where OSS tells none, or the object is another one by now."""
    import oss2

    bucket = settings.bucket(row.bucket, session=session)
    try:
        there = bucket.head_object(row.key, headers={"If-Match": f'"{row.etag}"'})
    except oss2.exceptions.OssError as error:
        if not is_about_the_object(error):
            raise
        return None
    return None if there.server_crc is None else str(there.server_crc)
