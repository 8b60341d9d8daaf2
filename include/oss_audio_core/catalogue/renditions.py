"""Published renditions: a row for each object at a final key, and what its publication replaces."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue import own_objects
from oss_audio_core.catalogue.conversions import Conversion, is_same_rendition, move, shares_place
from oss_audio_core.catalogue.schema import conversion, rendition
from oss_audio_core.catalogue.states import State, Verb


def is_replaced(connection: Connection, one: Conversion) -> bool:
    """Whether a conversion that was planned later is published in the place of this one."""
    later = conversion.c.id > one.id, conversion.c.state == State.PUBLISHED.value
    statements = (sa.select(conversion.c.id).where(same, *later).limit(1) for same in shares_place(conversion, one))
    return any(connection.scalar(statement) is not None for statement in statements)


def publish(connection: Connection, one: Conversion, row: Mapping[str, Any]) -> set[str] | None:
    """Publish a verified conversion: its state, its row of `rendition`, and the end of what stood in its place.

    Args:
        connection: an open transaction of the catalogue.
        one: the conversion.
        row: values of `rendition` by column. Its object stands at the final key already.

    Returns:
        Addresses (`oss://…`) of the sidecars of replaced renditions. None: the conversion is no longer verified, or a
        later one is published in its place. Nothing was changed then.
    """
    _lock_place(connection, one)
    if not move(connection, Verb.PUBLISH, one.this_attempt, code=None, message=None):
        return None
    here = sa.and_(rendition.c.bucket == one.target_bucket, rendition.c.key == one.target_key)
    older = _published_before(connection, one, here)
    move(connection, Verb.SUPERSEDE, older, message=f"replaced by generation {one.generation} of {one.key}")
    replaced = sa.or_(rendition.c.conversion_id.in_(older), here)
    sidecars = sa.select(rendition.c.waveform_uri, rendition.c.picture_uri).where(replaced)
    uris = {uri for found in connection.execute(sidecars) for uri in found if uri is not None}
    connection.execute(sa.delete(rendition).where(replaced))
    connection.execute(sa.insert(rendition).values(row))
    own_objects.use(connection, one.target_bucket, one.target_key)
    for uri in (row.get("waveform_uri"), row.get("picture_uri")):
        if uri is not None:
            bucket, _, key = str(uri).removeprefix("oss://").partition("/")
            own_objects.use(connection, bucket, key)
    return uris


def sidecar_uris(connection: Connection, bucket: str, keys: Collection[str]) -> set[str]:
    """Addresses (`oss://…`) of the sidecars that the renditions at these keys have."""
    statement = sa.select(rendition.c.waveform_uri, rendition.c.picture_uri).where(
        rendition.c.bucket == bucket, rendition.c.key.in_(keys)
    )
    return {uri for row in connection.execute(statement) for uri in row if uri is not None}


def _lock_place(connection: Connection, one: Conversion) -> None:
    """Lock all conversions in one place: of two that publish there at the same moment, each must see the other."""
    placed = conversion.alias("placed")
    ids = sa.union_all(*(sa.select(placed.c.id).where(same) for same in shares_place(placed, one)))
    in_one_place = sa.select(conversion.c.id).where(conversion.c.id.in_(ids)).order_by(conversion.c.id)
    connection.execute(in_one_place.with_for_update()).all()


def _published_before(connection: Connection, one: Conversion, here: sa.ColumnElement[bool]) -> set[int]:
    """Published conversions that this one replaces: earlier generations, and former owners of the final key.

    A source or profile that is gone gave its target up. Its rendition stands until it is replaced.
    """
    published = conversion.c.id != one.id, conversion.c.state == State.PUBLISHED.value
    # Two statements, each by an index: with an OR between them, a database reads the whole table.
    earlier = is_same_rendition(conversion, one), conversion.c.generation < one.generation
    older = set(connection.scalars(sa.select(conversion.c.id).where(*earlier, *published)))
    at_the_key = sa.select(conversion.c.id).join(rendition, rendition.c.conversion_id == conversion.c.id)
    older.update(connection.scalars(at_the_key.where(here, *published)))
    return older
