"""The copies in parts that this catalogue's publishers began. Only an upload with a row here is ever aborted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import part_copy


@dataclass(frozen=True)
class PartCopy:
    """One upload in parts to a final key, as it was begun for a conversion."""

    upload_id: str
    bucket: str
    key: str
    conversion_id: int


def begin(connection: Connection, copy: PartCopy) -> None:
    """Record an upload, before its first part is copied."""
    connection.execute(
        sa.insert(part_copy).values(
            upload_id=copy.upload_id,
            bucket=copy.bucket,
            key=copy.key,
            conversion_id=copy.conversion_id,
            begun_at=now(),
        )
    )


def begun_for(connection: Connection, conversion_ids: Collection[int]) -> Sequence[PartCopy]:
    """The recorded uploads of these conversions."""
    rows = connection.execute(
        sa.select(part_copy.c.upload_id, part_copy.c.bucket, part_copy.c.key, part_copy.c.conversion_id)
        .where(part_copy.c.conversion_id.in_(conversion_ids))
        .order_by(part_copy.c.begun_at)
    )
    return [PartCopy(*row) for row in rows]


def end(connection: Connection, upload_ids: Collection[str]) -> None:
    """Forget uploads that were completed or aborted."""
    connection.execute(sa.delete(part_copy).where(part_copy.c.upload_id.in_(upload_ids)))
