"""Removing rows that are no longer needed, a thousand per transaction, so that a night's writers hardly wait."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.conversions import CHUNK
from oss_audio_core.catalogue.database import Catalogue, now
from oss_audio_core.catalogue.schema import (
    attempt,
    batch,
    batch_conversion,
    check_result,
    conversion,
    listing,
    notification,
    part_copy,
    rendition,
    source,
)
from oss_audio_core.catalogue.states import ACTIVE, State


@dataclass(frozen=True)
class RetentionPeriods:
    """The age at which rows are removed.

    Attributes:
        notifications: since they were received. Those of conversions under way stay whatever their age.
        attempts: since a failed attempt ended. Its checks are removed with it.
        superseded: since a generation was superseded. It stays while no newer generation owns its final key.
        listings: since their batch began. Those of reported batches are removed at once.
    """

    notifications: timedelta = timedelta(days=30)
    attempts: timedelta = timedelta(days=180)
    superseded: timedelta = timedelta(days=90)
    listings: timedelta = timedelta(days=7)


@dataclass(frozen=True)
class _Rule:
    """Rows of one kind: their condition, and the columns that refer to them and are removed first."""

    name: str
    table: sa.Table
    condition: Callable[[RetentionPeriods, datetime], sa.ColumnElement[bool]]
    dependents: tuple[sa.Column[Any], ...] = ()


def prune(catalogue: Catalogue, periods: RetentionPeriods, *, dry_run: bool) -> dict[str, int]:
    """Remove old rows, or only count them. Published renditions and current conversions always stay.

    Returns:
        The number of rows by kind.
    """
    at = now()
    counts: dict[str, int] = {}
    for rule in _RULES:
        condition = rule.condition(periods, at)
        if dry_run:
            with catalogue.read() as connection:
                found = sa.select(sa.func.count()).select_from(rule.table).where(condition)
                counts[rule.name] = connection.execute(found).scalar_one()
        else:
            counts[rule.name] = _remove(catalogue, rule, condition)
    return counts


def _remove(catalogue: Catalogue, rule: _Rule, condition: sa.ColumnElement[bool]) -> int:
    key = list(rule.table.primary_key.columns)
    removed = 0
    while True:
        with catalogue.write() as connection:
            rows = connection.execute(sa.select(*key).where(condition).order_by(*key).limit(CHUNK)).all()
            _delete(connection, rule, key, [tuple(row) for row in rows])
        removed += len(rows)
        if len(rows) < CHUNK:
            return removed


def _delete(
    connection: Connection, rule: _Rule, key: Sequence[sa.Column[Any]], rows: Sequence[tuple[Any, ...]]
) -> None:
    if not rows:
        return
    for column in rule.dependents:
        connection.execute(sa.delete(column.table).where(column.in_([row[0] for row in rows])))
    these = key[0].in_([row[0] for row in rows]) if len(key) == 1 else sa.tuple_(*key).in_(rows)
    connection.execute(sa.delete(rule.table).where(these))


def _notifications(periods: RetentionPeriods, at: datetime) -> sa.ColumnElement[bool]:
    under_way = sa.exists().where(
        conversion.c.task_id == notification.c.task_id,
        conversion.c.state.in_([state.value for state in sorted(ACTIVE)]),
    )
    return sa.and_(notification.c.received_at < at - periods.notifications, ~under_way)


def _listings(periods: RetentionPeriods, at: datetime) -> sa.ColumnElement[bool]:
    over = sa.or_(batch.c.reported_at.is_not(None), batch.c.created_at < at - periods.listings)
    return listing.c.batch_id.in_(sa.select(batch.c.id).where(over))


def _checks(periods: RetentionPeriods, at: datetime) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        attempt.c.conversion_id == check_result.c.conversion_id,
        attempt.c.number == check_result.c.attempt,
        attempt.c.ended_at < at - periods.attempts,
    )


def _attempts(periods: RetentionPeriods, at: datetime) -> sa.ColumnElement[bool]:
    return attempt.c.ended_at < at - periods.attempts


def _superseded(periods: RetentionPeriods, at: datetime) -> sa.ColumnElement[bool]:
    # A rendition's key is never taken for a source while a row has it: this one, or its successor.
    newer = conversion.alias("newer")
    owned = sa.exists().where(
        newer.c.target_bucket == conversion.c.target_bucket,
        newer.c.target_key == conversion.c.target_key,
        newer.c.newest,
        newer.c.id != conversion.c.id,
    )
    return sa.and_(
        conversion.c.state == State.SUPERSEDED.value,
        sa.not_(conversion.c.newest),
        conversion.c.changed_at < at - periods.superseded,
        # A staged object is removed first, by its batch or by `check --delete-staged`.
        sa.or_(conversion.c.output_key.is_(None), conversion.c.publish == "direct"),
        owned,
        ~sa.exists().where(rendition.c.conversion_id == conversion.c.id),
        # An upload that broke off is known by this row alone; its batch aborts it.
        ~sa.exists().where(part_copy.c.conversion_id == conversion.c.id),
    )


def _sources(periods: RetentionPeriods, at: datetime) -> sa.ColumnElement[bool]:
    newer = source.alias("newer_content")
    return sa.and_(
        source.c.first_listed_at < at - periods.superseded,
        sa.exists().where(newer.c.bucket == source.c.bucket, newer.c.key == source.c.key, newer.c.id > source.c.id),
        ~sa.exists().where(conversion.c.source_id == source.c.id),
        ~sa.exists().where(rendition.c.source_id == source.c.id),
    )


_RULES = (
    _Rule("notifications", notification, _notifications),
    _Rule("listed objects", listing, _listings),
    _Rule("checks of old attempts", check_result, _checks),
    _Rule("old attempts", attempt, _attempts),
    _Rule(
        "superseded conversions",
        conversion,
        _superseded,
        (batch_conversion.c.conversion_id, check_result.c.conversion_id, attempt.c.conversion_id),
    ),
    _Rule("replaced sources", source, _sources),
)
"""In this order: rows that refer to others are removed first."""
