"""The catalogue's own objects that nothing needs any more. Nothing else is ever deleted.

Renditions share their folders with covers, notes and masters, and buckets with other catalogues. An object outside
staging is the catalogue's own only if

- a conversion of the catalogue has its key as target, or the key is that of such a target's sidecar, **and**
- its ETag is the one that was verified (a copy in one piece keeps it, and so does a rendition that was written in
  place), or its tag `catalogue` is the catalogue's uid.

An object that something else wrote to such a key has neither. In staging, an object is the catalogue's own if its key
has the form of an attempt's and names the catalogue, or if a row recorded the key.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue import staging_keys
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.identity import OWNER_TAG, catalogue_uid
from oss_audio_core.catalogue.schema import attempt, conversion, rendition, source
from oss_audio_core.catalogue.sidecar_keys import is_sidecar, rendition_key
from oss_audio_core.catalogue.staging_keys import StagedKey
from oss_audio_core.catalogue.states import ACTIVE, State

_ACTIVE = [state.value for state in sorted(ACTIVE)]
_KEEPS_STAGED = [state.value for state in sorted({*ACTIVE, State.QUARANTINED, State.FAILED})]
"""States whose staged object is still to be published, or to be examined."""


class UnneededObjects:
    """Tells objects that this catalogue wrote, and that nothing needs any more, from all others."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        with catalogue.read() as connection:
            self._uid = catalogue_uid(connection)

    def orphaned(self, bucket: Any, etags: Mapping[str, str]) -> list[str]:
        """Objects outside staging that this catalogue wrote, and that no row describes any more.

        One request for each object at a recorded key whose ETag was not verified.

        Args:
            bucket: an `oss2.Bucket`.
            etags: ETags of the objects by key.

        Raises:
            oss2.exceptions.OssError, requests.RequestException: OSS can't say which tags an object has.
        """
        with self._catalogue.read() as connection:
            known = _in_use(connection, bucket.bucket_name, list(etags))
            verified = _verified_etags(connection, bucket.bucket_name, etags.keys() - known)
        return [
            key for key, recorded in verified.items() if etags[key] in recorded or is_tagged(bucket, self._uid, key)
        ]

    def left_in_staging(self, bucket: str, staging: str, keys: Collection[str]) -> list[str]:
        """Objects under the staging prefix that this catalogue's attempts wrote, and that no conversion needs."""
        staged = {key: found for key in keys if (found := staging_keys.parse(key, staging)) is not None}
        own = {key: found for key, found in staged.items() if found.catalogue_uid in {self._uid, None}}
        with self._catalogue.read() as connection:
            recorded = _recorded_outputs(connection, bucket, own.values())
            needed = _needed_outputs(connection, bucket, own.values())
        return [
            key
            for key, found in own.items()
            if found.output_key not in needed and (found.catalogue_uid or found.output_key in recorded)
        ]


def is_tagged(bucket: Any, uid: str, key: str) -> bool:
    """Whether an object of an `oss2.Bucket` has the tag of the catalogue; a missing object has none.

    Raises:
        oss2.exceptions.OssError, requests.RequestException: OSS can't say.
    """
    import oss2

    try:
        tags: Mapping[str, str] = bucket.get_object_tagging(key).tag_set.tagging_rule
    except oss2.exceptions.NoSuchKey:
        return False
    return tags.get(OWNER_TAG) == uid


def _target(key: str) -> str:
    """The key of the rendition, for a sidecar that of the rendition it belongs to."""
    return rendition_key(key) if is_sidecar(key) else key


def _in_use(connection: Connection, bucket: str, keys: Collection[str]) -> set[str]:
    """Those of the keys that a source, a rendition, its sidecar, or what an active conversion publishes has."""
    uris = [f"oss://{bucket}/{key}" for key in keys]
    start = len(f"oss://{bucket}/") + 1
    described = sa.union_all(
        sa.select(source.c.key).where(source.c.bucket == bucket, source.c.key.in_(keys)),
        sa.select(rendition.c.key).where(rendition.c.bucket == bucket, rendition.c.key.in_(keys)),
        *(
            sa.select(sa.func.substr(rendition.c[name], start)).where(rendition.c[name].in_(uris))
            for name in ("waveform_uri", "picture_uri")
        ),
    )
    active = sa.select(conversion.c.target_key).where(
        conversion.c.target_bucket == bucket,
        conversion.c.target_key.in_({_target(key) for key in keys}),
        conversion.c.state.in_(_ACTIVE),
    )
    published_soon = set(connection.scalars(active))
    return set(connection.scalars(described)) | {key for key in keys if _target(key) in published_soon}


_WAS_VERIFIED = sa.or_(
    conversion.c.state.in_([State.VERIFIED.value, State.PUBLISHED.value]),
    sa.and_(conversion.c.state == State.SUPERSEDED.value, conversion.c.code.is_(None)),
)
"""The output was found right. What was quarantined proves nothing: it may be another's, put there meanwhile."""


def _verified_etags(connection: Connection, bucket: str, keys: Collection[str]) -> dict[str, set[str]]:
    """The ETags that were verified for each key that a conversion recorded; of a sidecar none, for it is not."""
    rows = connection.execute(
        sa.select(conversion.c.target_key, conversion.c.output_etag, _WAS_VERIFIED).where(
            conversion.c.target_bucket == bucket, conversion.c.target_key.in_({_target(key) for key in keys})
        )
    ).all()
    recorded: dict[str, set[str]] = {target: set() for target, _, _ in rows}
    for target, etag, was_verified in rows:
        if etag is not None and was_verified:
            recorded[target].add(etag)
    return {key: set() if is_sidecar(key) else recorded[key] for key in sorted(keys) if _target(key) in recorded}


def _recorded_outputs(connection: Connection, bucket: str, staged: Collection[StagedKey]) -> set[str]:
    """Those of the output keys that a conversion or one of its attempts recorded."""
    ids, keys = {one.conversion_id for one in staged}, {one.output_key for one in staged}
    statements = (
        sa.select(table.c.output_key).where(
            column.in_(ids), table.c.output_bucket == bucket, table.c.output_key.in_(keys)
        )
        for table, column in ((conversion, conversion.c.id), (attempt, attempt.c.conversion_id))
    )
    return set(connection.scalars(sa.union_all(*statements)))


def _needed_outputs(connection: Connection, bucket: str, staged: Collection[StagedKey]) -> set[str]:
    """Those of the output keys that an unfinished, failed or quarantined conversion has."""
    return set(
        connection.scalars(
            sa.select(conversion.c.output_key).where(
                conversion.c.id.in_({one.conversion_id for one in staged}),
                conversion.c.output_bucket == bucket,
                conversion.c.state.in_(_KEEPS_STAGED),
            )
        )
    )
