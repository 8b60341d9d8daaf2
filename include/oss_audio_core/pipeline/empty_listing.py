"""Whether a listing that took no source is a quiet night, or a prefix or a pattern that is wrong."""

from __future__ import annotations

from collections.abc import Mapping

from oss_audio_core.catalogue import batches
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.pipeline.archived_sources import ARCHIVED, RESTORE_REQUESTED, RESTORING
from oss_audio_core.pipeline.batch_request import BatchRequest
from oss_audio_core.pipeline.selection import TOO_LARGE, TOO_NEW, TOO_OLD, TOO_SMALL

QUIET = frozenset({TOO_SMALL, TOO_LARGE, TOO_OLD, TOO_NEW, ARCHIVED, RESTORING, RESTORE_REQUESTED})
"""Reasons against objects that are sources by their names, and may be taken another night."""

EARLIER = 100
"""How many of the latest batches are looked at for one that took sources under the same prefixes."""


class EmptyListing(ValueError):
    """No source was taken, and the selection rather than the night seems to be the cause."""


def check_not_empty(
    catalogue: Catalogue, batch_id: int, request: BatchRequest, listed: int, passed_over: Mapping[str, int]
) -> None:
    """Refuse a listing without any source, unless sources are there and wait for another night.

    Args:
        catalogue: that has the batch.
        batch_id: of the batch.
        request: what it is asked for.
        listed: sources that were taken.
        passed_over: objects that were not, by reason.

    Raises:
        EmptyListing: no object lies below the prefixes, or earlier batches took sources there.
    """
    if listed or QUIET.intersection(passed_over):
        return
    places = " and ".join(f"oss://{request.bucket}/{prefix}" for prefix in request.prefixes)
    earlier = _earlier(catalogue, batch_id, request)
    if not passed_over:
        before = f" Batch {earlier[0]!r} took {earlier[1]} sources there." if earlier else ""
        raise EmptyListing(
            f"there is no object below {places}.{before} Check bucket and prefix. If nothing may have arrived, "
            "set *Empty listing* to warn (OSS_AUDIO_EMPTY_LISTING)"
        )
    if earlier:
        left_out = ", ".join(f"{count} {reason}" for reason, count in passed_over.items())
        raise EmptyListing(
            f"none of the objects below {places} is taken ({left_out}), and batch {earlier[0]!r} took {earlier[1]} "
            "sources there. Check prefix, include and exclude. If nothing may have arrived, set *Empty listing* to "
            "warn (OSS_AUDIO_EMPTY_LISTING)"
        )


def _earlier(catalogue: Catalogue, batch_id: int, request: BatchRequest) -> tuple[str, int] | None:
    """Name and sources of the latest batch that took any under the same prefixes."""
    with catalogue.read() as connection:
        for one in batches.latest_with_sources(connection, before=batch_id, limit=EARLIER):
            if (one.params.get("bucket"), one.params.get("prefixes")) == (request.bucket, list(request.prefixes)):
                return one.name, one.listed
    return None
