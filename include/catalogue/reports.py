"""What people ask the catalogue: a batch's conversions as rows, and its sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from .schema import batch_conversion, conversion, rendition, source
from .states import UNHAPPY, State


@dataclass(frozen=True)
class ReportRow:
    """One conversion for a person to read: what it came from, what became of it, and why.

    Attributes:
        duration: of the rendition, seconds; codec, rate (Hz), channels and bit rate (bit/s) are the rendition's too.
        saved: share of the source's bytes that the rendition does without, or None without a rendition.
    """

    bucket: str
    key: str
    profile: str
    state: State
    attempt: int
    target_bucket: str
    target_key: str
    source_size: int
    source_duration: float | None
    codec: str | None
    sample_rate: int | None
    channels: int | None
    duration: float | None
    bitrate: int | None
    size: int | None
    code: str | None
    message: str | None
    retry_at: datetime | None

    @property
    def saved(self) -> float | None:
        """Between 0 and 1; negative when the rendition is larger than its source."""
        return None if self.size is None or not self.source_size else 1 - self.size / self.source_size


def rows_of_batch(connection: Connection, batch_id: int) -> list[ReportRow]:
    """Every conversion that a batch wanted, in the order it was planned."""
    statement = (
        _rows()
        .join(batch_conversion, batch_conversion.c.conversion_id == conversion.c.id)
        .where(batch_conversion.c.batch_id == batch_id)
        .order_by(batch_conversion.c.ordinal)
    )
    return [_row(row) for row in connection.execute(statement)]


def newest_rows(connection: Connection) -> list[ReportRow]:
    """The newest generation of every conversion in the catalogue, by source and profile."""
    statement = _rows().where(conversion.c.newest).order_by(conversion.c.key, conversion.c.profile)
    return [_row(row) for row in connection.execute(statement)]


def known_failures(
    connection: Connection, batch_id: int, *, bucket: str, prefixes: Sequence[str], profiles: Sequence[str]
) -> list[ReportRow]:
    """Failures of earlier batches within one selection: they wait for another try, or have none left."""
    mine = sa.select(batch_conversion.c.conversion_id).where(batch_conversion.c.batch_id == batch_id)
    statement = (
        _rows()
        .where(
            conversion.c.newest,
            conversion.c.state.in_([state.value for state in UNHAPPY]),
            conversion.c.bucket == bucket,
            conversion.c.profile.in_(profiles),
            # Not LIKE: SQLite's takes capitals and small letters for the same.
            sa.or_(*(sa.func.substr(conversion.c.key, 1, len(prefix)) == prefix for prefix in prefixes)),
            conversion.c.id.not_in(mine),
        )
        .order_by(conversion.c.key, conversion.c.profile)
    )
    return [_row(row) for row in connection.execute(statement)]


def _rows() -> sa.Select[Any]:
    return (
        sa.select(
            conversion,
            source.c.size.label("source_size"),
            source.c.probe,
            rendition.c.codec,
            rendition.c.sample_rate,
            rendition.c.channels,
            rendition.c.duration,
            rendition.c.bitrate,
            rendition.c.size.label("rendition_size"),
        )
        .join(source, source.c.id == conversion.c.source_id)
        .outerjoin(rendition, rendition.c.conversion_id == conversion.c.id)
    )


def _row(row: sa.Row[Any]) -> ReportRow:
    return ReportRow(
        bucket=row.bucket,
        key=row.key,
        profile=row.profile,
        state=State(row.state),
        attempt=row.attempt,
        target_bucket=row.target_bucket,
        target_key=row.target_key,
        source_size=row.source_size,
        source_duration=None if row.probe is None else row.probe.get("duration"),
        codec=row.codec,
        sample_rate=row.sample_rate,
        channels=row.channels,
        duration=row.duration,
        bitrate=row.bitrate,
        size=row.rendition_size,
        code=row.code,
        message=row.message,
        retry_at=row.retry_at,
    )
