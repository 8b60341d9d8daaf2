"""Repairing the differences that `bucket_check` finds, as requested, and never those of a younger row.

- *missing*, *changed*: the rendition's row is removed and its conversion superseded. The next batch that selects the
  source makes the rendition anew and overwrites the key. Nothing is deleted from the bucket.
- *rewritten*: the row gets the object's new ETag; the bytes are the same.
- *orphaned*, *staged*: reported. They are deleted from the bucket only on request by kind, and only if they are older
  than a day: younger ones may belong to a rendition that is being published.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

import sqlalchemy as sa

from oss_audio_core.catalogue.bucket_check import Difference, Kind
from oss_audio_core.catalogue.conversions import CHUNK, move
from oss_audio_core.catalogue.database import Catalogue, now
from oss_audio_core.catalogue.errors import CatalogueError
from oss_audio_core.catalogue.schema import rendition
from oss_audio_core.catalogue.states import Verb
from oss_audio_core.oss import OssSettings

SETTLED = timedelta(days=1)
"""Objects younger than this are never deleted."""

LIKELY_LOST = 10
"""Fewer missing renditions than this are never taken as a sign of a wrong bucket."""

ROWS = frozenset({Kind.MISSING, Kind.CHANGED, Kind.REWRITTEN})
"""Kinds that are repaired in the catalogue."""


class TooManyMissing(CatalogueError):
    """So many renditions are missing that the bucket or the endpoint is likely wrong."""


def repair(catalogue: Catalogue, differences: Sequence[Difference], *, even_most: bool = False) -> int:
    """Repair the rows of missing, changed and rewritten renditions.

    Args:
        catalogue: the open catalogue.
        differences: those that the check found; other kinds are passed over.
        even_most: repair also when more than half of all renditions are missing.

    Returns:
        How many were repaired. A rendition that was published anew meanwhile is left alone.

    Raises:
        TooManyMissing: nothing was repaired.
    """
    missing = sum(one.kind is Kind.MISSING for one in differences)
    with catalogue.read() as connection:
        known = connection.execute(sa.select(sa.func.count()).select_from(rendition)).scalar_one()
    if not even_most and missing >= LIKELY_LOST and missing * 2 > known:
        raise TooManyMissing(
            f"{missing} of {known} renditions are missing: are endpoint and bucket the right ones? Nothing was "
            "repaired; --even-most makes them all anew"
        )
    repaired = 0
    for one in differences:
        if one.kind not in ROWS or one.conversion_id is None:
            continue
        here = rendition.c.bucket == one.bucket, rendition.c.key == one.key
        mine = rendition.c.conversion_id == one.conversion_id
        with catalogue.write() as connection:
            if one.kind is Kind.REWRITTEN:
                repaired += connection.execute(sa.update(rendition).where(*here, mine).values(etag=one.etag)).rowcount
                continue
            gone = connection.execute(sa.delete(rendition).where(*here, mine)).rowcount
            if gone:
                why = "was missing" if one.kind is Kind.MISSING else "was changed outside the pipeline"
                move(connection, Verb.SUPERSEDE, one.conversion_id, message=f"its object {why}: {one.detail}")
            repaired += gone
    return repaired


def delete(
    settings: OssSettings,
    differences: Iterable[Difference],
    kinds: Collection[Kind],
    *,
    settled: timedelta = SETTLED,
) -> int:
    """Delete orphaned or staged objects that are older than `settled`.

    Args:
        settings: of OSS.
        differences: those that the check found.
        kinds: which of ORPHANED and STAGED are deleted.
        settled: least time since an object was last written.

    Returns:
        How many were deleted.

    Raises:
        oss2.exceptions.OssError: OSS refused. Objects before it are deleted.
        requests.RequestException: the connection broke while an answer was read.
    """
    by_bucket: defaultdict[str, list[str]] = defaultdict(list)
    for one in differences:
        old = one.modified_at is not None and one.modified_at <= now() - settled
        if one.kind in kinds and one.kind not in ROWS and old:
            by_bucket[one.bucket].append(one.key)
    deleted = 0
    for name, keys in by_bucket.items():
        bucket = settings.bucket(name)
        for start in range(0, len(keys), CHUNK):
            deleted += len(bucket.batch_delete_objects(keys[start : start + CHUNK]).deleted_keys)
    return deleted
