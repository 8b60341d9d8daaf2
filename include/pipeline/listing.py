"""Listing a bucket's sources into the catalogue, page by page; no more than one page of keys is in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from include.catalogue import batches
from include.catalogue.batches import ListedObject
from include.catalogue.database import Catalogue

from .selection import Selection

PAGE = 1000


def list_sources(catalogue: Catalogue, bucket: Any, selection: Selection, batch_id: int) -> tuple[int, Counter[str]]:
    """List everything the selection matches into the batch's listing.

    Args:
        bucket: an `oss2.Bucket` of the selection's bucket.

    Returns:
        How many objects matched, and how many were left out, by reason.

    Raises:
        oss2.exceptions.OssError: as the SDK raises it; what was listed so far is forgotten by the next try.
    """
    listed = 0
    passed_over: Counter[str] = Counter()
    with catalogue.write() as connection:
        batches.begin_listing(connection, batch_id)
    for prefix in selection.prefixes:
        for page in _pages(bucket, prefix):
            taken = []
            for found in page:
                reason = selection.reason_against(found.key)
                if reason is None:
                    taken.append(_listed(selection.bucket, found))
                else:
                    passed_over[reason] += 1
            with catalogue.write() as connection:
                batches.add_listed(connection, batch_id, taken)
            listed += len(taken)
    with catalogue.write() as connection:
        batches.end_listing(connection, batch_id, listed=listed, passed_over=passed_over)
    return listed, passed_over


def _pages(bucket: Any, prefix: str) -> Iterator[list[Any]]:
    token = ""
    while True:
        result = bucket.list_objects_v2(prefix=prefix, continuation_token=token, max_keys=PAGE)
        yield result.object_list
        if not result.is_truncated:
            return
        token = result.next_continuation_token


def _listed(bucket: str, found: Any) -> ListedObject:
    return ListedObject(
        bucket=bucket,
        key=found.key,
        etag=found.etag.strip('"'),
        size=found.size,
        last_modified=datetime.fromtimestamp(found.last_modified, UTC),
    )
