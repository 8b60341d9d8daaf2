"""The notification inbox: messages are stored once, and all waiters read them by a join that consumes nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.conversions import CHUNK, Attempt, move, next_retry
from oss_audio_core.catalogue.database import Catalogue, now
from oss_audio_core.catalogue.progress import ShardKey, of_shards
from oss_audio_core.catalogue.schema import IS_IN_FLIGHT, batch_conversion, conversion, notification
from oss_audio_core.catalogue.schema import attempt as earlier
from oss_audio_core.catalogue.states import State, Verb


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


def store(connection: Connection, messages: Iterable[InboxMessage]) -> None:
    """Store messages. SMQ delivers at least once: a message that is stored already changes nothing."""
    rows = [{**vars(received), "received_at": now()} for received in messages]
    if not rows:
        return
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(notification).on_conflict_do_nothing(), rows)


def unknown_tasks(connection: Connection, task_ids: Iterable[str]) -> set[str]:
    """The tasks that belong to no attempt of this catalogue, neither a current nor an earlier one."""
    wanted = sorted(set(task_ids))
    found: set[str] = set()
    for start in range(0, len(wanted), CHUNK):
        chunk = wanted[start : start + CHUNK]
        for column in (conversion.c.task_id, earlier.c.task_id):
            found.update(connection.scalars(sa.select(column).where(column.in_(chunk))))
    return set(wanted) - found


def is_output(connection: Connection, source: str, target: str) -> bool:
    """Whether an attempt of this catalogue reads the one address, `oss://bucket/key`, and writes to the other."""
    (bucket, key), (output_bucket, output_key) = _parted(source), _parted(target)
    of_source = conversion.c.bucket == bucket, conversion.c.key == key
    current = sa.select(conversion.c.id).where(
        *of_source, conversion.c.output_bucket == output_bucket, conversion.c.output_key == output_key
    )
    before = (
        sa.select(conversion.c.id)
        .join(earlier, earlier.c.conversion_id == conversion.c.id)
        .where(*of_source, earlier.c.output_bucket == output_bucket, earlier.c.output_key == output_key)
    )
    return connection.scalar(sa.select(sa.exists(current) | sa.exists(before))) or False


def _parted(address: str) -> tuple[str, str]:
    bucket, _, key = address.removeprefix("oss://").partition("/")
    return bucket, key


def apply_to_shards(catalogue: Catalogue, shards: Collection[ShardKey]) -> int:
    """Apply stored messages to the submitted conversions of shards.

    Returns:
        How many conversions moved.
    """
    wanted = sa.join(conversion, batch_conversion, batch_conversion.c.conversion_id == conversion.c.id)
    # Two batches may want the same conversion.
    return _apply(catalogue, _messages(wanted, of_shards(shards)).distinct())


def apply_to_endpoint(catalogue: Catalogue, endpoint: str) -> int:
    """Apply stored messages to all conversions that were submitted to an endpoint, of any batch.

    Returns:
        How many conversions moved.
    """
    return _apply(catalogue, _messages(conversion, conversion.c.endpoint == endpoint, IS_IN_FLIGHT))


def _messages(wanted: sa.FromClause, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return (
        sa.select(
            conversion.c.id,
            conversion.c.attempt,
            notification.c.status,
            notification.c.code,
            notification.c.message,
        )
        .select_from(sa.join(wanted, notification, notification.c.task_id == conversion.c.task_id))
        .where(
            *conditions,
            conversion.c.state == State.SUBMITTED.value,
            notification.c.status.in_(["Succeeded", "Failed"]),
        )
        # All transactions that write many rows do so in this order: no two of them deadlock.
        .order_by(conversion.c.id)
    )


def _apply(catalogue: Catalogue, statement: sa.Select[Any]) -> int:
    with catalogue.read() as connection:
        found = connection.execute(statement).all()
    if not found:
        return 0
    with catalogue.write() as connection:
        moved = move(
            connection, Verb.COMPLETE, [Attempt(row.id, row.attempt) for row in found if row.status == "Succeeded"]
        )
        for row in found:
            if row.status == "Failed":
                moved += fail(connection, Attempt(row.id, row.attempt), row.code, row.message)
    return moved


def fail(connection: Connection, attempt: Attempt, code: str | None, message: str | None) -> int:
    """Record that a submitted attempt failed, by the service or by its deadline."""
    return move(
        connection,
        Verb.FAIL,
        attempt,
        code=code or "Failed",
        message=message or "the service gave no reason",
        retry_at=next_retry(attempt.number),
    )
