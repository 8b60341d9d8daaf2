"""The objects that a batch read and wrote, for lineage: one by one if they are few, else by their shared folder."""

from __future__ import annotations

from itertools import takewhile

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue import batches
from oss_audio_core.catalogue.database import Catalogue
from oss_audio_core.catalogue.schema import batch_conversion, rendition

NAMED = 100
"""Most objects of one bucket that are named one by one."""


def datasets_of_batch(
    catalogue: Catalogue, batch_id: int, uid: str | None = None, *, shard: int | None = None
) -> tuple[list[str], list[str]]:
    """The sources and renditions of the conversions that a batch or a shard published, as `oss://bucket/key`.

    More than `NAMED` of a bucket are given as the folder that they share (`oss://bucket/folder/`).
    """
    mine = sa.select(batch_conversion.c.conversion_id).where(batch_conversion.c.batch_id == batch_id)
    if shard is not None:
        mine = mine.where(batch_conversion.c.shard == shard)
    with catalogue.read() as connection:
        batches.get_batch(connection, batch_id, uid)
        return (
            _addresses(connection, mine, rendition.c.source_bucket, rendition.c.source_key),
            _addresses(connection, mine, rendition.c.bucket, rendition.c.key),
        )


def _addresses(
    connection: Connection, mine: sa.Select[tuple[int]], bucket: sa.Column[str], key: sa.Column[str]
) -> list[str]:
    here = rendition.c.conversion_id.in_(mine)
    ends = (
        sa.select(bucket, sa.func.count(key.distinct()), sa.func.min(key), sa.func.max(key))
        .where(here)
        .group_by(bucket)
        .order_by(bucket)
    )
    addresses: list[str] = []
    for name, count, first, last in connection.execute(ends).all():
        if count > NAMED:
            addresses.append(f"oss://{name}/{_shared_folder(first, last)}")
        else:
            keys = connection.scalars(sa.select(key).where(here, bucket == name).distinct().order_by(key))
            addresses += [f"oss://{name}/{one}" for one in keys]
    return addresses


def _shared_folder(first: str, last: str) -> str:
    """The folder of all keys between two, ending with "/"; empty: the root."""
    shared = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    folder, slash, _ = "".join(one for one, _ in shared).rpartition("/")
    return folder + slash
