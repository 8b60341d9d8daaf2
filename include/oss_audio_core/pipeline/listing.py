"""Listing a bucket's sources into the catalogue, page by page, several prefixes at once.

No more than a page of each prefix is in memory.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from oss_audio_core.catalogue import batches
from oss_audio_core.catalogue.batches import ListedObject
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.storable import is_storable
from oss_audio_core.pipeline.archived_sources import Archives
from oss_audio_core.pipeline.selection import Selection
from oss_audio_core.text.logs import get_logger

log = get_logger(__name__)

PAGE = 1000
CONCURRENCY = 8
"""Prefixes listed at once."""

NAMED = 20
"""Keys that the catalogue can't store and that are reported by name; the rest of a prefix is counted."""

UNSTORABLE = "key that the catalogue can't store"
"""Why such a key is left out, before its name."""


def list_sources(
    catalogue: Catalogue, bucket: Any, selection: Selection, batch_id: int, *, restore: bool = False
) -> tuple[int, Counter[str]]:
    """List everything the selection matches into the batch's listing.

    Args:
        catalogue: that has the batch.
        bucket: an `oss2.Bucket` of the selection's bucket.
        selection: the objects to take.
        batch_id: of the batch.
        restore: have archived sources restored, for a later night.

    Returns:
        How many objects matched, and how many were left out, by reason.

    Raises:
        oss2.exceptions.OssError: as the SDK raises it; the next try begins the listing anew.
    """
    with catalogue.write() as connection:
        batches.begin_listing(connection, batch_id)
    lister = _Lister(catalogue, bucket, selection, batch_id, Archives(bucket, restore=restore))
    with ThreadPoolExecutor(min(CONCURRENCY, len(selection.prefixes)), thread_name_prefix="list") as pool:
        counts = list(pool.map(lister.list_prefix, selection.prefixes))
    listed = sum(found for found, _ in counts)
    passed_over = sum((left_out for _, left_out in counts), Counter[str]())
    with catalogue.write() as connection:
        batches.end_listing(connection, batch_id, listed=listed, passed_over=passed_over)
    return listed, passed_over


def _by_name(key: str, passed_over: Counter[str]) -> str:
    """The reason against a key with a NUL or half a surrogate pair in it: those are written as escapes."""
    named = sum(reason.startswith(UNSTORABLE) for reason in passed_over)
    return f"{UNSTORABLE}: {key!a}" if named < NAMED else f"{UNSTORABLE}: others"


class _Lister:
    def __init__(
        self, catalogue: Catalogue, bucket: Any, selection: Selection, batch_id: int, archives: Archives
    ) -> None:
        self._catalogue = catalogue
        self._bucket = bucket
        self._selection = selection
        self._batch_id = batch_id
        self._archives = archives
        self._failed = threading.Event()

    def list_prefix(self, prefix: str) -> tuple[int, Counter[str]]:
        """In a pool thread: list one prefix; all of them end when one can't be listed."""
        listed = 0
        passed_over: Counter[str] = Counter()
        try:
            for page in self._pages(prefix):
                taken = [one for found in page if (one := self._take(found, passed_over)) is not None]
                with self._catalogue.write() as connection:
                    batches.add_listed(connection, self._batch_id, taken)
                listed += len(taken)
        except BaseException:
            self._failed.set()
            raise
        return listed, passed_over

    def _pages(self, prefix: str) -> Iterator[list[Any]]:
        token = ""
        while not self._failed.is_set():
            result = self._bucket.list_objects_v2(prefix=prefix, continuation_token=token, max_keys=PAGE)
            yield result.object_list
            if not result.is_truncated:
                return
            token = result.next_continuation_token

    def _take(self, found: Any, passed_over: Counter[str]) -> ListedObject | None:
        last_modified = datetime.fromtimestamp(found.last_modified, UTC)
        reason = self._selection.reason_against_object(found.key, found.size, last_modified)
        if reason is None and not is_storable(found.key):
            reason = _by_name(found.key, passed_over)
            log.warning("oss://%s: left out: %s", self._selection.bucket, reason)
        reason = reason or self._archives.reason_against(found)
        if reason is not None:
            passed_over[reason] += 1
            return None
        return ListedObject(
            bucket=self._selection.bucket,
            key=found.key,
            etag=found.etag.strip('"'),
            size=found.size,
            last_modified=last_modified,
        )
