"""Contents that were listed, and their measures: probe, inspection, tags, CRC-64."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Row

from oss_audio_core.catalogue.conversions import CHUNK
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import source
from oss_audio_core.catalogue.storable import storable

NAMED_TAGS = ("title", "artist", "album")
"""Tags with columns of their own."""


@dataclass(frozen=True)
class KnownSource:
    """The stored measures of a source: probe, inspection (None: not decoded) and CRC-64 in decimal."""

    probe: dict[str, Any]
    inspection: dict[str, Any] | None
    crc64: str | None


def insert_listed(connection: Connection, listed: Sequence[Row[Any]]) -> dict[tuple[str, str], int]:
    """Store the listed objects of one bucket that aren't stored yet. Returns all their ids by key and ETag."""
    connection.execute(_insert(connection).on_conflict_do_nothing(), [_listed(row) for row in listed])
    found = connection.execute(
        sa.select(source.c.id, source.c.key, source.c.etag).where(
            source.c.bucket == listed[0].bucket, source.c.key.in_([row.key for row in listed])
        )
    )
    return {(row.key, row.etag): row.id for row in found}


def known_sources(connection: Connection, source_ids: Iterable[int]) -> dict[int, KnownSource]:
    """The stored measures of sources, by id. Sources that were not probed are left out."""
    wanted, found = sorted(set(source_ids)), {}
    columns = source.c.id, source.c.probe, source.c.inspection, source.c.crc64
    for start in range(0, len(wanted), CHUNK):
        rows = connection.execute(sa.select(*columns).where(source.c.id.in_(wanted[start : start + CHUNK])))
        found.update(
            {row.id: KnownSource(row.probe, row.inspection, row.crc64) for row in rows if row.probe is not None}
        )
    return found


def describe(
    connection: Connection,
    source_id: int,
    *,
    probe: Mapping[str, Any],
    inspection: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    crc64: str | None = None,
    notes: Sequence[str] = (),
) -> None:
    """Store the measures of a source.

    Args:
        connection: an open transaction of the catalogue.
        source_id: of the source.
        probe: the whole result, stored so that the source is never probed twice; has `codec`, `sample_rate` (Hz),
            `channels`, `duration` (seconds) and `bitrate` (bit/s of the audio itself).
        inspection: result of decoding it whole, with `bandwidth` (Hz); None: not decoded.
        tags: of the file, by name; None: not read.
        crc64: CRC-64/XZ of its bytes in decimal, as OSS gives it; None: not known.
        notes: what is odd about it, in words.
    """
    values: dict[str, Any] = {
        "probe": dict(probe),
        **{name: probe[name] for name in ("codec", "sample_rate", "channels", "duration")},
        "bitrate": probe.get("bitrate") or None,
        "notes": "; ".join(notes) or None,
    }
    if inspection is not None:
        values["inspection"] = dict(inspection)
        values["bandwidth"] = inspection.get("bandwidth")
    if crc64 is not None:
        values["crc64"] = crc64
    if tags is not None:
        texts = {storable(name.lower()): storable(text) for name, text in tags.items()}
        values |= {name: texts.pop(name, None) for name in NAMED_TAGS}
        values["tags"] = texts
    connection.execute(sa.update(source).where(source.c.id == source_id).values(**values))


def describe_estimate(connection: Connection, listed: Row[Any], probe: Mapping[str, Any]) -> None:
    """Store the estimated measures of a listed object before a conversion of it is planned.

    Args:
        connection: an open transaction of the catalogue.
        listed: a row of the listing.
        probe: has `codec`, `sample_rate` (Hz), `channels`, `duration` (seconds, perhaps an estimate) and `bitrate`
            (bit/s of the audio itself; None: not known). The measures of a real probe replace it.
    """
    estimated = {name: probe[name] for name in ("codec", "sample_rate", "channels", "duration", "bitrate")}
    statement = _insert(connection).values(**_listed(listed), **estimated)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[source.c.bucket, source.c.key, source.c.etag],
            set_=estimated,
            where=source.c.codec.is_(None),
        )
    )


def record_crc64(connection: Connection, listed: Row[Any], crc64: str) -> None:
    """Store the CRC-64 (decimal) of a listed object before a conversion of it is planned."""
    statement = _insert(connection).values(**_listed(listed), crc64=crc64)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[source.c.bucket, source.c.key, source.c.etag], set_={"crc64": crc64}
        )
    )


def _insert(connection: Connection) -> Any:
    return (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(source)


def _listed(row: Row[Any]) -> dict[str, Any]:
    """The columns of an object that its listing gives."""
    values = {name: getattr(row, name) for name in ("bucket", "key", "etag", "size", "last_modified")}
    return {**values, "first_listed_at": now()}
