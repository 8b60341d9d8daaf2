"""The notification inbox: messages are stored once, and all waiters read them by a join that consumes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.conversions import CHUNK, Attempt, Conversion, fetch, move, next_retry
from oss_audio_core.catalogue.database import Catalogue, now
from oss_audio_core.catalogue.progress import ShardKey, of_shards
from oss_audio_core.catalogue.row_isolation import RowRefused, one_row
from oss_audio_core.catalogue.schema import IS_IN_FLIGHT, batch_conversion, conversion, notification
from oss_audio_core.catalogue.schema import attempt as earlier
from oss_audio_core.catalogue.states import State, Verb
from oss_audio_core.catalogue.storable import storable


@dataclass(frozen=True)
class InboxMessage:
    """One message of the inbox: decoded, or with its raw body if it can't be decoded."""

    queue: str
    message_id: str
    task_id: str | None
    status: str | None
    code: str | None
    message: str | None
    body: bytes | None


@dataclass(frozen=True)
class Applied:
    """What messages did.

    Attributes:
        moved: how many conversions they completed.
        said_failed: how many submitted conversions they call failed, by shard. GetTask is asked before that counts.
    """

    moved: int
    said_failed: Counter[ShardKey]


def store(connection: Connection, messages: Sequence[InboxMessage]) -> None:
    """Store messages. SMQ delivers at least once: a message that is stored already changes nothing.

    A message that the database refuses is stored as unreadable with that reason, so that it can be deleted.
    """
    if not messages:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(notification).on_conflict_do_nothing()
    rows = [{**vars(received), "received_at": now()} for received in messages]
    try:
        with one_row(connection):
            connection.execute(statement, rows)
    except RowRefused:
        for row in rows:
            try:
                with one_row(connection):
                    connection.execute(statement, row)
            except RowRefused as refusal:
                unread = {"task_id": None, "status": None, "code": None, "message": str(refusal), "body": None}
                connection.execute(statement, {**row, **unread, "message_id": storable(row["message_id"])})


def unknown_tasks(connection: Connection, task_ids: Iterable[str]) -> set[str]:
    """The tasks that belong to no attempt of this catalogue, neither a current nor an earlier one."""
    wanted = sorted(set(task_ids))
    found: set[str] = set()
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        for column in (conversion.c.task_id, earlier.c.task_id):
            found.update(connection.scalars(sa.select(column).where(column.in_(chunk))))
    return set(wanted) - found


def known_outputs(connection: Connection, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """The pairs of which an attempt of this catalogue reads the one address and writes to the other.

    Two statements for a thousand pairs.

    Args:
        connection: an open transaction of the catalogue.
        pairs: source and target, both as `oss://bucket/key`.
    """
    wanted = sorted(pairs)
    found: set[tuple[str, str]] = set()
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        sources = [_parted(source) for source, _ in chunk]
        of_source = (
            conversion.c.bucket.in_(sorted({bucket for bucket, _ in sources})),
            conversion.c.key.in_(sorted({key for _, key in sources})),
        )
        place = conversion.c.bucket, conversion.c.key
        current = sa.select(*place, conversion.c.output_bucket, conversion.c.output_key).where(*of_source)
        before = (
            sa.select(*place, earlier.c.output_bucket, earlier.c.output_key)
            .join(earlier, earlier.c.conversion_id == conversion.c.id)
            .where(*of_source)
        )
        for statement in (current, before):
            written = {
                (f"oss://{row[0]}/{row[1]}", f"oss://{row[2]}/{row[3]}") for row in connection.execute(statement)
            }
            found.update(written.intersection(chunk))
    return found


def _parted(address: str) -> tuple[str, str]:
    bucket, _, key = address.removeprefix("oss://").partition("/")
    return bucket, key


def apply_to_shards(catalogue: Catalogue, shards: Collection[ShardKey]) -> Applied:
    """Apply stored messages to the submitted conversions of shards."""
    wanted = sa.join(conversion, batch_conversion, batch_conversion.c.conversion_id == conversion.c.id)
    shard = batch_conversion.c.batch_id, batch_conversion.c.shard
    return _apply(catalogue, _messages(wanted, shard, of_shards(shards)))


def apply_to_endpoint(catalogue: Catalogue, endpoint: str) -> Applied:
    """Apply stored messages to all conversions that were submitted to an endpoint, of any batch (as one shard)."""
    no_shard = sa.literal(0).label("batch_id"), sa.literal(0).label("shard")
    return _apply(catalogue, _messages(conversion, no_shard, conversion.c.endpoint == endpoint, IS_IN_FLIGHT))


def said_failed(connection: Connection, *conditions: sa.ColumnElement[bool]) -> list[Conversion]:
    """The submitted conversions under these conditions that a message calls failed."""
    reported = sa.exists().where(notification.c.task_id == conversion.c.task_id, notification.c.status == "Failed")
    return fetch(connection, conversion.c.state == State.SUBMITTED.value, reported, *conditions)


def refute(connection: Connection, task_ids: Sequence[str]) -> None:
    """Remove the messages that call these tasks failed: the service says that they are not. A later one counts anew."""
    connection.execute(
        sa.delete(notification).where(notification.c.task_id.in_(task_ids), notification.c.status == "Failed")
    )


def _messages(
    wanted: sa.FromClause, shard: Iterable[sa.ColumnElement[int]], *conditions: sa.ColumnElement[bool]
) -> sa.Select[Any]:
    return (
        sa.select(conversion.c.id, conversion.c.attempt, notification.c.status, *shard)
        .select_from(sa.join(wanted, notification, notification.c.task_id == conversion.c.task_id))
        .where(
            *conditions,
            conversion.c.state == State.SUBMITTED.value,
            notification.c.status.in_(["Succeeded", "Failed"]),
        )
        # All transactions that write many rows do so in this order: no two of them deadlock.
        .order_by(conversion.c.id)
    )


def _apply(catalogue: Catalogue, statement: sa.Select[Any]) -> Applied:
    with catalogue.read() as connection:
        found = connection.execute(statement).all()
    # Two batches may want the same conversion.
    done = {Attempt(row.id, row.attempt) for row in found if row.status == "Succeeded"}
    failed = [row for row in found if row.status == "Failed" and Attempt(row.id, row.attempt) not in done]
    moved = 0
    if done:
        with catalogue.write() as connection:
            moved = move(connection, Verb.COMPLETE, done)
    return Applied(moved, Counter((row.batch_id, row.shard) for row in failed))


def fail(connection: Connection, attempt: Attempt, code: str | None, message: str | None) -> int:
    """Record that a submitted attempt failed, as the service answered, or by its deadline."""
    return move(
        connection,
        Verb.FAIL,
        attempt,
        code=code or "Failed",
        message=message or "the service gave no reason",
        retry_at=next_retry(attempt.number),
    )
