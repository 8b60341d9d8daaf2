"""What is known of a source's content, beyond what its listing told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from .conversions import CHUNK, storable
from .database import now
from .schema import source

#: Tags with columns of their own.
NAMED_TAGS = ("title", "artist", "album")


@dataclass(frozen=True)
class Known:
    """What an earlier look at a source found: probe, decode (None: it was not decoded) and CRC-64 in decimal."""

    probe: dict[str, Any]
    inspection: dict[str, Any] | None
    crc64: str | None


def known(connection: Connection, source_ids: Iterable[int]) -> dict[int, Known]:
    """What is known of the contents of sources, by id; one that nobody has looked at is left out."""
    wanted, found = sorted(set(source_ids)), {}
    columns = source.c.id, source.c.probe, source.c.inspection, source.c.crc64
    for start in range(0, len(wanted), CHUNK):
        rows = connection.execute(sa.select(*columns).where(source.c.id.in_(wanted[start : start + CHUNK])))
        found.update({row.id: Known(row.probe, row.inspection, row.crc64) for row in rows if row.probe is not None})
    return found


def describe(
    connection: Connection,
    source_id: int,
    *,
    probe: Mapping[str, Any],
    inspection: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    crc64: str | None = None,
) -> None:
    """Write down what probing a source found.

    Args:
        probe: all of it, kept so that the source is never probed twice; has `codec`, `sample_rate` (Hz), `channels` and
            `duration` (seconds).
        inspection: what decoding it whole found; None: not decoded.
        tags: the file's own, by name; None: not looked for.
        crc64: CRC-64/XZ of its bytes in decimal, as OSS tells it; None: not known.
    """
    values: dict[str, Any] = {
        "probe": dict(probe),
        **{name: probe[name] for name in ("codec", "sample_rate", "channels", "duration")},
    }
    if inspection is not None:
        values["inspection"] = dict(inspection)
    if crc64 is not None:
        values["crc64"] = crc64
    if tags is not None:
        texts = {storable(name.lower()): storable(text) for name, text in tags.items()}
        values |= {name: texts.pop(name, None) for name in NAMED_TAGS}
        values["tags"] = texts
    connection.execute(sa.update(source).where(source.c.id == source_id).values(**values))


def sketch(connection: Connection, listed: Row[Any], probe: Mapping[str, Any]) -> None:
    """Write down what a look at a listed object told of its content, before anything is planned of it.

    Args:
        listed: a row of the listing.
        probe: has `codec`, `sample_rate` (Hz), `channels` and `duration` (seconds, perhaps an estimate); a real probe
            replaces all of it.
    """
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    seen = {name: probe[name] for name in ("codec", "sample_rate", "channels", "duration")}
    statement = insert(source).values(
        bucket=listed.bucket,
        key=listed.key,
        etag=listed.etag,
        size=listed.size,
        last_modified=listed.last_modified,
        first_listed_at=now(),
        **seen,
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[source.c.bucket, source.c.key, source.c.etag], set_=seen, where=source.c.codec.is_(None)
        )
    )


def note_crc64(connection: Connection, listed: Row[Any], crc64: str) -> None:
    """Write down the CRC-64 (decimal) of a listed object's content, before anything is planned of it."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(source).values(
        bucket=listed.bucket,
        key=listed.key,
        etag=listed.etag,
        size=listed.size,
        last_modified=listed.last_modified,
        first_listed_at=now(),
        crc64=crc64,
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[source.c.bucket, source.c.key, source.c.etag], set_={"crc64": crc64}
        )
    )
