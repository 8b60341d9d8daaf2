"""Repairing the differences that `bucket_check` finds, as requested, and never those of a younger row.

- *missing*, *changed*: the rendition's row is removed and its conversion superseded. The next batch that selects the
  source makes the rendition anew and overwrites the key. Nothing is deleted from the bucket.
- *rewritten*: the row gets the object's new ETag; the bytes are the same.
- *orphaned*, *staged*: reported. They are deleted from the bucket only on request by kind, and only if they are older
  than a day: younger ones may belong to a rendition that is being published. Right before it is deleted, each object
  is looked at once more: it must still be the catalogue's own, and still unneeded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from oss_audio_core.catalogue.bucket_check import Difference, Kind
from oss_audio_core.catalogue.conversions import CHUNK, move
from oss_audio_core.catalogue.database import Catalogue, now
from oss_audio_core.catalogue.errors import CatalogueError
from oss_audio_core.catalogue.schema import rendition
from oss_audio_core.catalogue.states import Verb
from oss_audio_core.catalogue.unneeded_objects import UnneededObjects
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


def deletable(
    differences: Iterable[Difference], kinds: Collection[Kind], *, settled: timedelta = SETTLED
) -> list[Difference]:
    """Those of the differences that `delete` may be asked to delete: orphaned or staged, and old enough.

    Args:
        differences: those that the check found.
        kinds: which of ORPHANED and STAGED are wanted.
        settled: least time since an object was last written.
    """
    written_before = now() - settled
    return [
        one
        for one in differences
        if one.kind in kinds
        and one.kind not in ROWS
        and one.modified_at is not None
        and one.modified_at <= written_before
    ]


def delete(
    catalogue: Catalogue, settings: OssSettings, chosen: Iterable[Difference], *, staging: str
) -> list[Difference]:
    """Delete the chosen objects that are still the catalogue's own and unneeded.

    Args:
        catalogue: the open catalogue.
        settings: of OSS.
        chosen: by `deletable`.
        staging: prefix of the staging folder, as the check was given it.

    Returns:
        What was deleted. An object that was written anew, or that a conversion needs by now, is left alone.

    Raises:
        oss2.exceptions.OssError: OSS refused. Objects before it are deleted.
        requests.RequestException: the connection broke while an answer was read.
    """
    own = UnneededObjects(catalogue)
    by_place: defaultdict[tuple[str, Kind], list[Difference]] = defaultdict(list)
    for one in chosen:
        by_place[one.bucket, one.kind].append(one)
    deleted: list[Difference] = []
    for (name, kind), found in by_place.items():
        bucket = settings.bucket(name)
        for start in range(0, len(found), CHUNK):
            chunk = {one.key: one for one in found[start : start + CHUNK]}
            if kind is Kind.STAGED:
                keys = own.left_in_staging(name, staging, chunk)
            else:
                keys = own.orphaned(
                    bucket, {key: etag for key, one in chunk.items() if (etag := _unchanged(bucket, one))}
                )
            if keys:
                bucket.batch_delete_objects(keys)
            deleted += [chunk[key] for key in keys]
    return deleted


def _unchanged(bucket: Any, one: Difference) -> str | None:
    """The object's ETag, if it is still the one that the check found."""
    import oss2

    try:
        etag = str(bucket.head_object(one.key).etag).strip('"')
    except oss2.exceptions.NotFound:
        return None
    return etag if etag == one.etag else None
