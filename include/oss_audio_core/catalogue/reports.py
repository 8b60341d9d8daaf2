"""A batch's conversions as rows for its report, and its sums."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.schema import HAS_FAILED, NEXT_TRY, batch_conversion, conversion, rendition, source
from oss_audio_core.catalogue.states import ACTIVE, FAILED_STATES, State

_OWN = (
    *("bucket", "key", "profile", "state", "attempt", "target_bucket", "target_key"),
    *("code", "message", "max_attempts"),
)
"""The columns of `conversion` in a row, without the measures, which may be large."""


@dataclass(frozen=True)
class ReportRow:
    """One conversion in a report: its source, its state, its rendition and the reason of a failure.

    Attributes:
        duration: of the rendition, seconds. Codec, rate (Hz), channels and bit rate (bit/s) are the rendition's, too.
        retry_at: when a failed conversion may be planned again; None if no attempts are left.
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
    max_attempts: int
    retry_at: datetime | None

    @property
    def given_up(self) -> bool:
        """Whether no later run plans it again."""
        return self.state is State.DEAD or self.attempt >= self.max_attempts

    @property
    def saved(self) -> float | None:
        """Share of the source's bytes that is saved: at most 1, negative if the rendition is larger."""
        return None if self.size is None or not self.source_size else 1 - self.size / self.source_size


@dataclass(frozen=True)
class Failures:
    """Failed or skipped conversions: their number by reason, and the first of them as rows."""

    reasons: Counter[str]
    rows: list[ReportRow]

    @property
    def count(self) -> int:
        """The number of all of them."""
        return self.reasons.total()


@dataclass(frozen=True)
class Files:
    """The sources of a batch, each once.

    Attributes:
        wanted: all of them.
        failed: a conversion of it failed.
        unfinished: none failed, and one is not over.
        published: all that was to be made of it is published.
    """

    wanted: int
    failed: int
    unfinished: int
    published: int

    @property
    def skipped(self) -> int:
        """Number of sources of which nothing was to be made."""
        return self.wanted - self.failed - self.unfinished - self.published


@dataclass(frozen=True)
class Volume:
    """The sums over a batch's published renditions.

    Attributes:
        seconds_in, bytes_in: of their sources, each once.
        seconds_out, bytes_out: of the renditions.
        bytes_replaced: of their sources, once for every rendition: what the renditions are smaller than.
    """

    seconds_in: float
    seconds_out: float
    bytes_in: int
    bytes_out: int
    bytes_replaced: int

    @property
    def saved_percent(self) -> float | None:
        """How much smaller the renditions are than their sources, at most 100; None: there is none."""
        return 100 * (1 - self.bytes_out / self.bytes_replaced) if self.bytes_replaced else None


def files_of_batch(connection: Connection, batch_id: int) -> Files:
    """The sources of a batch, counted by what became of their conversions."""

    def any_in(states: Iterable[State]) -> sa.ColumnElement[int]:
        return sa.func.max(sa.case((conversion.c.state.in_(sorted(state.value for state in states)), 1), else_=0))

    by_source = (
        sa.select(
            any_in(FAILED_STATES).label("failed"),
            any_in(ACTIVE).label("unfinished"),
            any_in({State.PUBLISHED, State.SUPERSEDED}).label("published"),
        )
        .where(*_wanted(batch_id))
        .group_by(conversion.c.source_id)
        .subquery()
    )
    failed = by_source.c.failed == 1
    unfinished = sa.and_(~failed, by_source.c.unfinished == 1)
    published = sa.and_(~failed, by_source.c.unfinished == 0, by_source.c.published == 1)
    counts = [sa.func.sum(sa.case((one, 1), else_=0)) for one in (failed, unfinished, published)]
    row = connection.execute(sa.select(sa.func.count(), *counts).select_from(by_source)).one()
    return Files(*(int(count or 0) for count in row))


def failures_of_batch(connection: Connection, batch_id: int, *, limit: int) -> Failures:
    """The failures of a batch, the first `limit` as rows, in the order of planning."""
    bad = conversion.c.state.in_([state.value for state in FAILED_STATES])
    return _failures(connection, [*_wanted(batch_id), bad], [batch_conversion.c.ordinal], limit)


def skipped_of_batch(connection: Connection, batch_id: int, *, limit: int) -> Failures:
    """The conversions of a batch that are skipped, with their reasons, the first `limit` as rows."""
    skipped = conversion.c.state == State.SKIPPED.value
    return _failures(connection, [*_wanted(batch_id), skipped], [batch_conversion.c.ordinal], limit)


def volume_of_batch(connection: Connection, batch_id: int) -> Volume:
    """The sums over the published renditions of a batch."""
    mine = [*_wanted(batch_id), conversion.c.state == State.PUBLISHED.value]
    read = sa.select(conversion.c.source_id).where(*mine)
    seconds_in, bytes_in = connection.execute(
        sa.select(sa.func.sum(source.c.duration), sa.func.sum(source.c.size)).where(source.c.id.in_(read))
    ).one()
    made = sa.select(sa.func.sum(rendition.c.duration), sa.func.sum(rendition.c.size), sa.func.sum(source.c.size))
    seconds_out, bytes_out, bytes_replaced = connection.execute(
        made.select_from(rendition)
        .join(conversion, conversion.c.id == rendition.c.conversion_id)
        .join(source, source.c.id == rendition.c.source_id)
        .where(*mine)
    ).one()
    return Volume(
        float(seconds_in or 0),
        float(seconds_out or 0),
        int(bytes_in or 0),
        int(bytes_out or 0),
        int(bytes_replaced or 0),
    )


def newest_rows(connection: Connection) -> list[ReportRow]:
    """The newest generation of every conversion in the catalogue, by source and profile."""
    statement = _rows().where(conversion.c.newest).order_by(conversion.c.key, conversion.c.profile)
    return [_row(row) for row in connection.execute(statement)]


def known_failures(
    connection: Connection,
    batch_id: int,
    *,
    bucket: str,
    prefixes: Sequence[str],
    profiles: Sequence[str],
    limit: int,
) -> Failures:
    """Failures of earlier batches within one selection: they are backing off, or have no attempts left."""
    mine = sa.select(batch_conversion.c.conversion_id).where(batch_conversion.c.batch_id == batch_id)
    conditions = [
        HAS_FAILED,
        # The column in an expression: else SQLite uses its index and reads the whole bucket instead of the failures.
        conversion.c.bucket.concat("") == bucket,
        conversion.c.profile.in_(profiles),
        # Not LIKE: SQLite's ignores case.
        sa.or_(*(sa.func.substr(conversion.c.key, 1, len(prefix)) == prefix for prefix in prefixes)),
        conversion.c.id.not_in(mine),
    ]
    return _failures(connection, conditions, [conversion.c.key, conversion.c.profile], limit)


def _wanted(batch_id: int) -> list[sa.ColumnElement[bool]]:
    return [batch_conversion.c.conversion_id == conversion.c.id, batch_conversion.c.batch_id == batch_id]


def _failures(
    connection: Connection,
    conditions: Sequence[sa.ColumnElement[bool]],
    order: Sequence[sa.ColumnElement[Any]],
    limit: int,
) -> Failures:
    reason = sa.func.coalesce(conversion.c.code, "unknown")
    counted = sa.select(reason, sa.func.count()).where(*conditions).group_by(reason).order_by(reason)
    first = _rows().where(*conditions).order_by(*order).limit(limit)
    return Failures(
        Counter({row[0]: row[1] for row in connection.execute(counted)}),
        [_row(row) for row in connection.execute(first)],
    )


def _rows() -> sa.Select[Any]:
    return (
        sa.select(
            *(conversion.c[name] for name in _OWN),
            NEXT_TRY,
            source.c.size.label("source_size"),
            source.c.duration.label("source_duration"),
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
        source_duration=row.source_duration,
        codec=row.codec,
        sample_rate=row.sample_rate,
        channels=row.channels,
        duration=row.duration,
        bitrate=row.bitrate,
        size=row.rendition_size,
        code=row.code,
        message=row.message,
        max_attempts=row.max_attempts,
        retry_at=row.retry_at,
    )
