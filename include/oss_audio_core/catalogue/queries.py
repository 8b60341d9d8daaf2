"""Questions after a night: what failed and why, how many bytes were saved, which sources lack a rendition."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.browsing import begins_with
from oss_audio_core.catalogue.schema import HAS_FAILED, NEXT_TRY, conversion, rendition, source
from oss_audio_core.catalogue.views import published_rendition


@dataclass(frozen=True)
class Reason:
    """Failures that share a code: their number, message and time of the latest, and its source."""

    code: str
    count: int
    message: str | None
    latest: datetime
    bucket: str
    key: str
    profile: str


@dataclass(frozen=True)
class Failure:
    """One conversion whose newest generation failed; `retry_at` is None if no attempts are left."""

    bucket: str
    key: str
    profile: str
    state: str
    attempt: int
    max_attempts: int
    code: str | None
    message: str | None
    changed_at: datetime
    retry_at: datetime | None


@dataclass(frozen=True)
class Saving:
    """The sizes of one profile's renditions and of their sources.

    Attributes:
        bytes_in: of the sources, once for every rendition.
        bytes_out: of the renditions.
    """

    profile: str
    renditions: int
    bytes_in: int
    bytes_out: int

    @property
    def saved(self) -> int:
        """The difference in bytes; negative when the renditions are larger."""
        return self.bytes_in - self.bytes_out

    @property
    def share(self) -> float | None:
        """Between 0 and 1; None when the sources have no bytes."""
        return self.saved / self.bytes_in if self.bytes_in else None


@dataclass(frozen=True)
class Missing:
    """A source without a rendition; state and reason of the conversion that should have made it, if there is one."""

    bucket: str
    key: str
    state: str | None
    code: str | None
    message: str | None


def failures(
    connection: Connection, *, since: datetime | None = None, code: str | None = None, limit: int | None = None
) -> list[Failure]:
    """The conversions whose newest generation failed, was quarantined or is dead; the latest first."""
    conditions = _failed(since)
    if code is not None:
        conditions.append(sa.func.coalesce(conversion.c.code, "unknown") == code)
    own = (conversion.c[name] for name in Failure.__dataclass_fields__ if name != NEXT_TRY.name)
    statement = (
        sa.select(*own, NEXT_TRY).where(*conditions).order_by(conversion.c.changed_at.desc(), conversion.c.id.desc())
    )
    return [Failure(**row) for row in connection.execute(statement.limit(limit)).mappings()]


def reasons(connection: Connection, *, since: datetime | None = None) -> list[Reason]:
    """The failed conversions, counted by code; the most frequent first."""
    code = sa.func.coalesce(conversion.c.code, "unknown").label("code")
    latest = sa.func.row_number().over(
        partition_by=code, order_by=(conversion.c.changed_at.desc(), conversion.c.id.desc())
    )
    ranked = (
        sa.select(
            code,
            sa.func.count().over(partition_by=code).label("count"),
            conversion.c.message,
            conversion.c.changed_at.label("latest"),
            conversion.c.bucket,
            conversion.c.key,
            conversion.c.profile,
            latest.label("rank"),
        )
        .where(*_failed(since))
        .subquery()
    )
    columns = (ranked.c[name] for name in Reason.__dataclass_fields__)
    statement = sa.select(*columns).where(ranked.c.rank == 1).order_by(ranked.c.count.desc(), ranked.c.code)
    return [Reason(**row) for row in connection.execute(statement).mappings()]


def savings(connection: Connection, *, since: datetime | None = None, until: datetime | None = None) -> list[Saving]:
    """Bytes in and out of the published renditions, by profile."""
    view = published_rendition.c
    statement = (
        sa.select(view.profile, sa.func.count(), sa.func.sum(view.source_size), sa.func.sum(view.size))
        .group_by(view.profile)
        .order_by(view.profile)
    )
    if since is not None:
        statement = statement.where(view.published_at >= since)
    if until is not None:
        statement = statement.where(view.published_at < until)
    return [
        Saving(profile, count, int(bytes_in), int(bytes_out))
        for profile, count, bytes_in, bytes_out in connection.execute(statement)
    ]


def missing(
    connection: Connection,
    *,
    profile: str | None = None,
    codecs: Collection[str] = (),
    bucket: str | None = None,
    prefix: str = "",
    limit: int | None = None,
) -> list[Missing]:
    """Sources that have no published rendition of a profile, or none of some codecs, in the order of their keys.

    Args:
        connection: an open transaction of the catalogue.
        profile: name of the profile.
        codecs: instead of a profile, by FFmpeg's names (mp3, aac, flac, vorbis, ac3, opus, amr_nb, amr_wb).
        bucket: only sources in this bucket.
        prefix: only sources whose keys begin with it.
        limit: most sources; None: all.
    """
    made = [rendition.c.source_key == source.c.key, rendition.c.source_bucket == source.c.bucket]
    made += [rendition.c.profile == profile] if profile is not None else [rendition.c.codec.in_(codecs)]
    conditions = [begins_with(source.c.key, prefix), ~sa.exists().where(*made)]
    if bucket is not None:
        conditions.append(source.c.bucket == bucket)
    # One row per key: `source` has a row for every content of a key.
    lacking = (
        sa.select(source.c.bucket, source.c.key).where(*conditions).distinct().order_by(source.c.key, source.c.bucket)
    )
    found = connection.execute(lacking.limit(limit)).all()
    why = _why(connection, [(row.bucket, row.key) for row in found], profile) if profile is not None else {}
    return [Missing(row.bucket, row.key, *why.get((row.bucket, row.key), (None, None, None))) for row in found]


def is_profile(connection: Connection, name: str) -> bool:
    """Whether a conversion was ever planned under this name."""
    return bool(connection.scalar(sa.select(sa.exists().where(conversion.c.profile == name))))


def _why(
    connection: Connection, keys: Sequence[tuple[str, str]], profile: str
) -> dict[tuple[str, str], tuple[str, str | None, str | None]]:
    """State, code and message of the newest conversion of each source to a profile."""
    why = {}
    for start in range(0, len(keys), 500):
        statement = sa.select(conversion).where(
            sa.tuple_(conversion.c.bucket, conversion.c.key).in_(keys[start : start + 500]),
            conversion.c.profile == profile,
            conversion.c.newest,
        )
        for row in connection.execute(statement):
            why[row.bucket, row.key] = (row.state, row.code, row.message)
    return why


def _failed(since: datetime | None) -> list[sa.ColumnElement[bool]]:
    return [HAS_FAILED, *([] if since is None else [conversion.c.changed_at >= since])]
