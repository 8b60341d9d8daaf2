"""Batches: one for every run of a DAG, found again by the run's name, and the objects that it listed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.errors import NoSuchBatch
from oss_audio_core.catalogue.schema import batch, batch_conversion, listing

_RENAMED = {"failed, resting": "failed, backing off"}
"""Decisions that version 0.1.0 stored under another name. Rows keep the stored text."""


@dataclass(frozen=True)
class Batch:
    """One run's batch.

    Attributes:
        name: `dag_id/run_id`; a cleared or retried run finds the same batch by it.
        uid: eight random hexadecimal digits in the staging keys. A new catalogue that replaces a lost one thus never
            takes the staged objects of the old one for its own.
    """

    id: int
    name: str
    uid: str
    params: Mapping[str, Any]
    listed: int
    passed_over: Mapping[str, int]
    decisions: Mapping[str, int]
    dry_run: bool
    created_at: datetime
    planned_at: datetime | None


@dataclass(frozen=True)
class ListedObject:
    """One object of an OSS listing."""

    bucket: str
    key: str
    etag: str
    size: int
    last_modified: datetime


def open_batch(connection: Connection, name: str, params: Mapping[str, Any], *, dry_run: bool = False) -> Batch:
    """Find the batch of a run by its name, or begin it. A batch that was reported is open again.

    The request may change until the batch is planned.
    """
    begun = _upsert(connection, batch).values(
        name=name,
        uid=secrets.token_hex(4),
        params=dict(params),
        listed=0,
        passed_over={},
        decisions={},
        dry_run=dry_run,
        created_at=now(),
    )
    begun = begun.on_conflict_do_update(
        index_elements=[batch.c.name],
        set_={"params": begun.excluded.params, "dry_run": begun.excluded.dry_run},
        where=batch.c.planned_at.is_(None),
    )
    connection.execute(begun)
    found = _batch(connection, batch.c.name == name)
    reopen(connection, found.id)
    return found


def get_batch(connection: Connection, batch_id: int, uid: str | None = None) -> Batch:
    """The batch of an id.

    Args:
        connection: an open transaction of the catalogue.
        batch_id: of the batch.
        uid: the batch's own, where it is known: in a catalogue that was replaced, ids begin anew.

    Raises:
        NoSuchBatch: there is none, as when the catalogue was replaced under a waiting run.
    """
    return _batch(connection, batch.c.id == batch_id, *([] if uid is None else [batch.c.uid == uid]))


def begin_listing(connection: Connection, batch_id: int) -> None:
    """Remove the objects that an earlier try of the listing stored."""
    connection.execute(sa.delete(listing).where(listing.c.batch_id == batch_id))


def add_listed(connection: Connection, batch_id: int, objects: Iterable[ListedObject]) -> None:
    """Store one page of the listing. A key that another try of the listing stored meanwhile stays as it is."""
    rows = [
        {
            "batch_id": batch_id,
            "bucket": found.bucket,
            "key": found.key,
            "etag": found.etag,
            "size": found.size,
            "last_modified": found.last_modified,
        }
        for found in objects
    ]
    if rows:
        connection.execute(_upsert(connection, listing).on_conflict_do_nothing(), rows)


def end_listing(connection: Connection, batch_id: int, *, listed: int, passed_over: Mapping[str, int]) -> None:
    """Store how many objects the selection matched, and how many it left out by reason."""
    connection.execute(
        sa.update(batch).where(batch.c.id == batch_id).values(listed=listed, passed_over=dict(passed_over))
    )


def has_listing(connection: Connection, batch_id: int) -> bool:
    """Whether any listed object of the batch is still stored."""
    here = sa.select(listing.c.key).where(listing.c.batch_id == batch_id).limit(1)
    return connection.execute(here).first() is not None


def end_planning(connection: Connection, batch_id: int, decisions: Mapping[str, int]) -> None:
    """Record that the batch is planned, and remove its listed objects."""
    begin_listing(connection, batch_id)
    connection.execute(
        sa.update(batch).where(batch.c.id == batch_id).values(decisions=dict(decisions), planned_at=now())
    )


def end_batch(connection: Connection, batch_id: int, uid: str | None = None) -> None:
    """Record that the batch was reported."""
    here = batch.c.id == batch_id, *([] if uid is None else [batch.c.uid == uid])
    connection.execute(sa.update(batch).where(*here).values(reported_at=now()))


def reopen(connection: Connection, batch_id: int) -> None:
    """Record that a reported batch goes on: its planned conversions are wanted again."""
    again = sa.update(batch).where(batch.c.id == batch_id, batch.c.reported_at.is_not(None))
    connection.execute(again.values(reported_at=None))


def shards_of(connection: Connection, batch_id: int) -> list[int]:
    """The numbers of a planned batch's shards, in order."""
    statement = (
        sa.select(batch_conversion.c.shard)
        .where(batch_conversion.c.batch_id == batch_id)
        .group_by(batch_conversion.c.shard)
        .order_by(batch_conversion.c.shard)
    )
    return list(connection.scalars(statement))


def _upsert(connection: Connection, table: sa.Table) -> Any:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    return insert(table)


def latest_with_sources(connection: Connection, *, before: int, limit: int) -> list[Batch]:
    """The batches that were begun before another one and listed sources, the latest first."""
    found = sa.select(batch).where(batch.c.id < before, batch.c.listed > 0).order_by(batch.c.id.desc()).limit(limit)
    return [_typed(row) for row in connection.execute(found)]


def _batch(connection: Connection, *conditions: sa.ColumnElement[bool]) -> Batch:
    row = connection.execute(sa.select(batch).where(*conditions)).first()
    if row is None:
        raise NoSuchBatch("the catalogue has no such batch; was it replaced since the run began?")
    return _typed(row)


def _typed(row: sa.Row[Any]) -> Batch:
    return Batch(
        id=row.id,
        name=row.name,
        uid=row.uid,
        params=row.params,
        listed=row.listed,
        passed_over=row.passed_over,
        decisions={_RENAMED.get(decision, decision): count for decision, count in row.decisions.items()},
        dry_run=row.dry_run,
        created_at=row.created_at,
        planned_at=row.planned_at,
    )
