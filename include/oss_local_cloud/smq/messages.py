"""Messages in queues: visibility, receipt handles, retention.

Rules of the documentation (pages "ReceiveMessage", "ChangeMessageVisibility", "Limits"): a received message
is invisible until NextVisibleTime; its receipt handle is good until then and no longer; changing the
visibility gives a new handle and ends the old one; what is older than the queue's retention is gone.
Functions take a connection inside a transaction and the server's clock in milliseconds.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import secrets
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from oss_local_cloud.smq.errors import message_not_exist, receipt_handle_error
from oss_local_cloud.smq.tables import get_queue

DEFAULT_PRIORITY = 8
_VISIBLE = 0  # visible_ms of a message that can be received
Properties = Mapping[str, Sequence[Mapping[str, str]]]
"""`UserProperties` and `SystemProperties` → their values as Name, Value and Type, kept as they came."""


@dataclass(frozen=True)
class NewMessage:
    """A message to put into a queue. `delay_seconds` None means the queue's own DelaySeconds."""

    body: str
    delay_seconds: int | None = None
    priority: int = DEFAULT_PRIORITY
    properties: Properties = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """The result of a send: the id, and the MD5 (upper-case hex) of the body as it was sent."""

    message_id: str
    body_md5: str


@dataclass(frozen=True)
class Message:
    """A message as a receiver or a peek sees it. Times are milliseconds since the epoch."""

    message_id: str
    body: str
    body_md5: str
    priority: int
    properties: Properties
    enqueued_ms: int
    first_dequeued_ms: int
    dequeue_count: int
    next_visible_ms: int
    receipt_handle: str


@dataclass(frozen=True)
class Counts:
    """How many messages can be received, are invisible after a receive, or are delayed."""

    active: int
    inactive: int
    delayed: int


def md5_of(body: str) -> str:
    """MD5 of a body in the form SMQ gives it."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest().upper()


def send(db: sqlite3.Connection, queue: str, messages: Iterable[NewMessage], now_ms: int) -> list[Sent]:
    """Put messages into a queue; raises QueueNotExist."""
    settings = get_queue(db, queue).attributes
    results: list[Sent] = []
    for message in messages:
        delay = settings.delay_seconds if message.delay_seconds is None else message.delay_seconds
        body_md5 = md5_of(message.body)
        number = db.execute(
            "INSERT INTO messages (queue, message_id, body, body_md5, priority, properties, enqueued_ms, "
            "visible_ms, expires_ms) VALUES (?, '', ?, ?, ?, ?, ?, ?, ?)",
            (
                queue,
                message.body,
                body_md5,
                message.priority,
                json.dumps(message.properties) if message.properties else "",
                now_ms,
                now_ms + delay * 1000 if delay else _VISIBLE,
                now_ms + settings.message_retention_period * 1000,
            ),
        ).lastrowid
        message_id = _message_id(queue, now_ms, number or 0)
        db.execute("UPDATE messages SET message_id = ? WHERE number = ?", (message_id, number))
        results.append(Sent(message_id, body_md5))
    return results


def receive(db: sqlite3.Connection, queue: str, most: int, now_ms: int) -> list[Message]:
    """Take up to `most` visible messages, the most urgent and oldest first; raises QueueNotExist."""
    settings = get_queue(db, queue).attributes
    visible_ms = now_ms + settings.visibility_timeout * 1000
    taken = []
    for row in _visible(db, queue, most, now_ms):
        receipt = row["receipt"] + 1
        first_ms = row["first_dequeued_ms"] or now_ms
        db.execute(
            "UPDATE messages SET visible_ms = ?, first_dequeued_ms = ?, dequeue_count = dequeue_count + 1, "
            "receipt = ? WHERE number = ?",
            (visible_ms, first_ms, receipt, row["number"]),
        )
        taken.append(_message(row, first_ms, row["dequeue_count"] + 1, visible_ms, receipt))
    return taken


def peek(db: sqlite3.Connection, queue: str, most: int, now_ms: int) -> list[Message]:
    """Look at up to `most` visible messages and leave them as they are; raises QueueNotExist."""
    get_queue(db, queue)
    return [
        _message(row, row["first_dequeued_ms"], row["dequeue_count"], row["visible_ms"], row["receipt"])
        for row in _visible(db, queue, most, now_ms)
    ]


def next_visible_ms(db: sqlite3.Connection, queue: str, now_ms: int) -> int | None:
    """When the next message of a queue can be received; None when it is empty."""
    row = db.execute(
        "SELECT visible_ms FROM messages WHERE queue = ? AND expires_ms > ? ORDER BY visible_ms LIMIT 1",
        (queue, now_ms),
    ).fetchone()
    return None if row is None else int(row["visible_ms"])


def delete(db: sqlite3.Connection, queue: str, handle: str, now_ms: int) -> None:
    """Delete a received message; raises ReceiptHandleError or MessageNotExist."""
    get_queue(db, queue)
    db.execute("DELETE FROM messages WHERE number = ?", (_number_of_handle(db, queue, handle, now_ms),))


def change_visibility(
    db: sqlite3.Connection, queue: str, handle: str, timeout_seconds: int, now_ms: int
) -> tuple[str, int]:
    """Hide a received message `timeout_seconds` from now; the new handle and the time it becomes visible."""
    get_queue(db, queue)
    number = _number_of_handle(db, queue, handle, now_ms)
    visible_ms = now_ms + timeout_seconds * 1000
    (receipt,) = db.execute(
        "UPDATE messages SET visible_ms = ?, receipt = receipt + 1 WHERE number = ? RETURNING receipt",
        (visible_ms, number),
    ).fetchone()
    return _handle(number, receipt), visible_ms


def counts(db: sqlite3.Connection, queue: str, now_ms: int) -> Counts:
    """The three numbers in a queue's attributes."""
    row = db.execute(
        "SELECT count(*) FILTER (WHERE visible_ms <= :now) AS active, "
        "count(*) FILTER (WHERE visible_ms > :now AND dequeue_count > 0) AS inactive, "
        "count(*) FILTER (WHERE visible_ms > :now AND dequeue_count = 0) AS waiting "
        "FROM messages WHERE queue = :queue AND expires_ms > :now",
        {"now": now_ms, "queue": queue},
    ).fetchone()
    return Counts(row["active"], row["inactive"], row["waiting"])


def drop_expired(db: sqlite3.Connection, now_ms: int) -> int:
    """Delete what is older than its queue's retention; how many that were."""
    return db.execute("DELETE FROM messages WHERE expires_ms <= ?", (now_ms,)).rowcount


def published(topic: str, body: str, now_ms: int) -> Sent:
    """The result of a publish; topics store no messages themselves."""
    return Sent(_message_id(topic, now_ms, secrets.randbelow(100000000)), md5_of(body))


def _visible(db: sqlite3.Connection, queue: str, most: int, now_ms: int) -> list[sqlite3.Row]:
    """The first visible messages in their order.

    Messages that became visible since the last receive are marked first. Then the query reads one range of the index,
    however many messages are invisible or wait behind these.
    """
    db.execute(
        "UPDATE messages SET visible_ms = ? WHERE queue = ? AND visible_ms > ? AND visible_ms <= ?",
        (_VISIBLE, queue, _VISIBLE, now_ms),
    )
    return db.execute(
        "SELECT * FROM messages WHERE queue = ? AND visible_ms = ? AND expires_ms > ? "
        "ORDER BY priority, number LIMIT ?",
        (queue, _VISIBLE, now_ms, most),
    ).fetchall()


def _message(row: sqlite3.Row, first_ms: int, dequeue_count: int, next_visible_ms: int, receipt: int) -> Message:
    return Message(
        row["message_id"],
        row["body"],
        row["body_md5"],
        row["priority"],
        json.loads(row["properties"]) if row["properties"] else {},
        row["enqueued_ms"],
        first_ms,
        dequeue_count,
        next_visible_ms,
        _handle(row["number"], receipt),
    )


def _message_id(queue: str, now_ms: int, number: int) -> str:
    """Shaped like the service's own: `5F290C926D472878-2-14D9529A8FA-200000001`."""
    return f"{md5_of(queue)[:16]}-2-{now_ms:X}-{200000000 + number}"


def _handle(number: int, receipt: int) -> str:
    """Shaped like `1-ODU4OTkzNDU5My0xNDMyNzI3ODI3LTItOA==`; Base64 of digits never has a plus or a slash."""
    return "1-" + base64.b64encode(f"{number:010d}-{receipt}".encode()).decode()


def _number_of_handle(db: sqlite3.Connection, queue: str, handle: str, now_ms: int) -> int:
    """The number of the message that a valid handle refers to."""
    try:
        inner = base64.b64decode(handle.removeprefix("1-"), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise receipt_handle_error() from None
    match = re.fullmatch(r"([0-9]{10,18})-([0-9]{1,9})", inner)
    if match is None or not handle.startswith("1-"):
        raise receipt_handle_error()
    number, receipt = int(match[1]), int(match[2])
    row = db.execute(
        "SELECT visible_ms, receipt FROM messages WHERE number = ? AND queue = ? AND expires_ms > ?",
        (number, queue, now_ms),
    ).fetchone()
    if row is None:
        raise message_not_exist()
    if row["receipt"] != receipt or row["visible_ms"] <= now_ms:
        raise receipt_handle_error()
    return number
