"""Taking final keys over: a person says, key by key, that the object there may be replaced.

Recorded is the object as it stands, by its ETag, for the next publication at its key. An object that replaces it before
then is not meant. A source of the catalogue can't be taken over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue import own_objects
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.own_objects import OwnReason
from oss_audio_core.catalogue.schema import conversion
from oss_audio_core.oss import OssSettings

OCCUPIED = "TargetOccupied"
"""Code of a conversion whose target, or the key of a sidecar of it, has an object that isn't the catalogue's own."""


@dataclass(frozen=True)
class TakenOver:
    """What became of one address.

    Attributes:
        taken: whether the object there may be replaced now.
        detail: which object that is, or why it can't be taken over.
    """

    address: str
    taken: bool
    detail: str


def take_over(catalogue: Catalogue, settings: OssSettings, addresses: Iterable[str]) -> list[TakenOver]:
    """Allow the next publication at each address to replace the object that stands there now.

    Args:
        catalogue: the open catalogue.
        settings: of OSS.
        addresses: exact ones, `oss://bucket/key`; each is decided by itself.

    Raises:
        oss2.exceptions.OssError, requests.RequestException: OSS can't say what stands there. Addresses before it are
            taken over.
    """
    session = settings.session()
    return [_take_over(catalogue, settings, session, address) for address in addresses]


def _take_over(catalogue: Catalogue, settings: OssSettings, session: Any, address: str) -> TakenOver:
    import oss2

    bucket, _, key = address.removeprefix("oss://").partition("/")
    if not address.startswith("oss://") or not bucket or not key:
        return TakenOver(address, False, "no address of an object: write oss://bucket/key")
    try:
        head = settings.bucket(bucket, session=session).head_object(key)
    except oss2.exceptions.NotFound:
        return TakenOver(address, False, "nothing stands there: the next run publishes without it")
    etag = str(head.etag).strip('"')
    with catalogue.write() as connection:
        if own_objects.source_keys(connection, bucket, {key: etag}):
            return TakenOver(address, False, "it is itself a source: give the rendition another target")
        own_objects.record(connection, bucket, {key: etag}, OwnReason.TAKEN_OVER)
    at = None if head.last_modified is None else datetime.fromtimestamp(head.last_modified, UTC)
    written = "" if at is None else f", written {at:%Y-%m-%dT%H:%M:%SZ}"
    return TakenOver(address, True, f"{head.content_length} bytes{written}, ETag {etag}")


@dataclass(frozen=True)
class OccupiedTarget:
    """A target that is refused to its source because of an object that isn't the catalogue's own."""

    address: str
    source: str
    profile: str
    state: str
    message: str


def occupied_targets(connection: Connection) -> list[OccupiedTarget]:
    """All targets that are refused so at present, by address."""
    columns = conversion.c.bucket, conversion.c.key, conversion.c.profile, conversion.c.state, conversion.c.message
    statement = (
        sa.select(conversion.c.target_bucket, conversion.c.target_key, *columns)
        .where(conversion.c.newest, conversion.c.code == OCCUPIED)
        .order_by(conversion.c.target_bucket, conversion.c.target_key, conversion.c.id)
    )
    return [
        OccupiedTarget(
            f"oss://{row.target_bucket}/{row.target_key}",
            f"oss://{row.bucket}/{row.key}",
            row.profile,
            row.state,
            row.message or "",
        )
        for row in connection.execute(statement)
    ]
