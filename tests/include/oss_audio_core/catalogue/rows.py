"""Rows as tests write them: a value that nobody names is what it mostly is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import conversion, source

DUE_AT = now()
"""The first deadline of the conversions of `two_batches`."""


def add_source(connection: Connection, key: str, *, at: datetime | None = None, **values: Any) -> int:
    """Write a listed object, unless it is there with this ETag. Returns its id."""
    at = at or now()
    row = {"bucket": "media", "key": key, "etag": "S1", "size": 1000, "last_modified": at, "first_listed_at": at}
    row |= values
    identity = [source.c[name] == row[name] for name in ("bucket", "key", "etag")]
    known = connection.scalar(sa.select(source.c.id).where(*identity))
    if known is None:
        known = connection.execute(sa.insert(source).values(**row)).inserted_primary_key[0]
    return int(known)


def add_conversion(
    connection: Connection, source_id: int, key: str, state: State, *, at: datetime | None = None, **values: Any
) -> int:
    """Write a conversion of a source, whose key it repeats. Returns its id."""
    at = at or now()
    row = {
        "source_id": source_id,
        "bucket": "media",
        "key": key,
        "profile": "mobile-mp3",
        "digest": "d",
        "process": "audio/convert,f_mp3",
        "target_bucket": "media",
        "target_key": f"renditions/{values.get('profile', 'mobile-mp3')}/{key}.mp3",
        "publish": "staged",
        "generation": 1,
        "newest": True,
        "state": state.value,
        "attempt": 1,
        "max_attempts": 3,
        "created_at": at,
        "changed_at": at,
        **values,
    }
    return int(connection.execute(sa.insert(conversion).values(**row)).inserted_primary_key[0])
