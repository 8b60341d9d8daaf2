"""The published view, page by page: by profile, by a prefix of the source's key, by time.

Pages are keyset pages: the thousandth costs as much as the first, and publications meanwhile don't shift them.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.database import allow_idle
from oss_audio_core.catalogue.schema import NEXT_TRY, ObjectKey, UtcDateTime, conversion, rendition
from oss_audio_core.catalogue.states import State
from oss_audio_core.catalogue.views import published_rendition as view

FEW = 5000
"""With both a prefix and a time, the rows of that time are read and sorted if there are no more than this."""


class InvalidPageToken(ValueError):
    """A page token that doesn't belong to the selection."""


@dataclass(frozen=True, kw_only=True)
class PublishedFilter:
    """Which renditions are selected: those that meet every given condition.

    Attributes:
        profile: name of the profile.
        bucket: of the source.
        prefix: of the source's key. With it, pages are in the order of that key, else newest first.
        since, until: published at or after; published before.
    """

    profile: str | None = None
    bucket: str | None = None
    prefix: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Page:
    """Rows of `published_rendition`, and the token of the next page, if there is one."""

    rows: Sequence[Mapping[str, Any]]
    after: str | None


def split_prefix(text: str) -> tuple[str | None, str]:
    """Bucket and prefix out of `oss://bucket/prefix`; without the scheme it is a prefix in any bucket."""
    if not text.startswith("oss://"):
        return None, text
    bucket, _, prefix = text.removeprefix("oss://").partition("/")
    return bucket, prefix


def begins_with(column: sa.ColumnElement[str], prefix: str) -> sa.ColumnElement[bool]:
    """Whether a key begins with a prefix, as a range that an index of `ObjectKey` serves."""
    if not prefix:
        return sa.true()
    last = ord(prefix[-1])
    if last >= 0x10FFFF:  # no character follows it
        return sa.func.substr(column, 1, len(prefix)) == prefix
    # Surrogates are no characters: after U+D7FF comes U+E000.
    following = chr(0xE000 if last == 0xD7FF else last + 1)
    return sa.and_(column >= prefix, column < prefix[:-1] + following)


def page(connection: Connection, wanted: PublishedFilter, *, limit: int = 50, after: str | None = None) -> Page:
    """One page of published renditions.

    Args:
        connection: an open transaction of the catalogue.
        wanted: the selection.
        limit: most rows of the page, at least 1.
        after: token of the page before, given for the same selection.

    Raises:
        InvalidPageToken: the token doesn't belong to the selection.
    """
    by_time = wanted.prefix is None
    first, conditions = _order_and_conditions(connection, wanted)
    if after is not None:
        value, number = _parse(after, by_time=by_time)
        position, reached = sa.tuple_(first, view.c.id), sa.tuple_(sa.literal(value, first.type), sa.literal(number))
        conditions.append(position < reached if by_time else position > reached)
    order = (first.desc(), view.c.id.desc()) if by_time else (first, view.c.id)
    statement = sa.select(view).order_by(*order)
    found = connection.execute(statement.where(*conditions).limit(limit + 1)).mappings().all()
    rows = [dict(row) for row in found[:limit]]
    return Page(rows, _token(rows[-1], by_time=by_time) if len(found) > limit else None)


def pages(
    connection: Connection, wanted: PublishedFilter, *, limit: int = 1000
) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Every page, one after the other, within one read transaction."""
    allow_idle(connection)
    after = None
    while True:
        one = page(connection, wanted, limit=limit, after=after)
        if one.rows:
            yield one.rows
        after = one.after
        if after is None:
            return


def conversions(
    connection: Connection, state: State, wanted: PublishedFilter, *, limit: int = 50, after: str | None = None
) -> Page:
    """One page of the newest conversions in a state, the latest planned first.

    Args:
        connection: an open transaction of the catalogue.
        state: of the conversions.
        wanted: the selection; its times are those of the last change of state.
        limit: most rows of the page, at least 1.
        after: token of the page before, given for the same selection.

    Raises:
        InvalidPageToken: the token doesn't belong to the selection.
    """
    names = (
        "id",
        "bucket",
        "key",
        "profile",
        "state",
        "attempt",
        "max_attempts",
        "target_bucket",
        "target_key",
        "code",
        "message",
        "changed_at",
    )
    conditions = [conversion.c.newest, conversion.c.state == state.value, *_times(conversion.c.changed_at, wanted)]
    if wanted.profile is not None:
        conditions.append(conversion.c.profile == wanted.profile)
    if wanted.bucket is not None:
        conditions.append(conversion.c.bucket == wanted.bucket)
    if wanted.prefix is not None:
        conditions.append(begins_with(conversion.c.key, wanted.prefix))
    if after is not None:
        conditions.append(conversion.c.id < _parse(after, by_time=False)[1])
    statement = (
        sa.select(*(conversion.c[name] for name in names), NEXT_TRY).where(*conditions).order_by(conversion.c.id.desc())
    )
    found = connection.execute(statement.limit(limit + 1)).mappings().all()
    rows = [dict(row) for row in found[:limit]]
    more = _token({"source_key": "", "id": rows[-1]["id"]}, by_time=False) if len(found) > limit else None
    return Page(rows, more)


def _order_and_conditions(
    connection: Connection, wanted: PublishedFilter
) -> tuple[sa.ColumnElement[Any], list[sa.ColumnElement[bool]]]:
    """The column that pages are ordered by, and the conditions of their rows."""
    key: sa.ColumnElement[Any] = view.c.source_key
    time: sa.ColumnElement[Any] = view.c.published_at
    timed = wanted.since is not None or wanted.until is not None
    if wanted.prefix is not None and timed:
        # Two ranges, and an index for either. An expression instead of the bare column keeps SQLite from the wrong one.
        if _few(connection, wanted):
            key = sa.func.coalesce(key, key, type_=ObjectKey)
        else:
            time = sa.func.coalesce(time, time, type_=UtcDateTime)
    conditions = _times(time, wanted)
    if wanted.profile is not None:
        conditions.append(view.c.profile == wanted.profile)
    if wanted.bucket is not None:
        conditions.append(view.c.source_bucket == wanted.bucket)
    if wanted.prefix is None:
        return time, conditions
    return key, [*conditions, begins_with(key, wanted.prefix)]


def _few(connection: Connection, wanted: PublishedFilter) -> bool:
    """Whether so few renditions are of the time that reading and sorting them all is faster."""
    profile = [] if wanted.profile is None else [rendition.c.profile == wanted.profile]
    of_time = sa.select(rendition.c.id).where(*profile, *_times(rendition.c.published_at, wanted)).limit(FEW + 1)
    return connection.execute(sa.select(sa.func.count()).select_from(of_time.subquery())).scalar_one() <= FEW


def _times(column: sa.ColumnElement[datetime], wanted: PublishedFilter) -> list[sa.ColumnElement[bool]]:
    times: list[sa.ColumnElement[bool]] = []
    if wanted.since is not None:
        times.append(column >= sa.literal(wanted.since, rendition.c.published_at.type))
    if wanted.until is not None:
        times.append(column < sa.literal(wanted.until, rendition.c.published_at.type))
    return times


def _token(row: Mapping[str, Any], *, by_time: bool) -> str:
    place = [row["published_at"].isoformat() if by_time else row["source_key"], row["id"]]
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def _parse(token: str, *, by_time: bool) -> tuple[datetime | str, int]:
    try:
        text, number = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return (datetime.fromisoformat(text) if by_time else str(text)), int(number)
    except (ValueError, TypeError, binascii.Error):
        raise InvalidPageToken(
            "this page token doesn't belong to this selection: take it from the page before, or leave it out"
        ) from None
