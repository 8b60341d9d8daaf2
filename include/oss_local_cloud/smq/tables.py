"""The tables of SMQ and every statement about queues, topics and subscriptions.

Functions take a connection inside a transaction (see sqlite_thread) and the server's clock in milliseconds
since the epoch. Messages have their own file, messages.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Generic, TypeVar

from oss_local_cloud.smq.attributes import (
    DELETED_NAME_SECONDS,
    MOST_QUEUES_AND_TOPICS,
    MOST_SUBSCRIPTIONS,
    QueueAttributes,
    SubscriptionAttributes,
    TopicAttributes,
)
from oss_local_cloud.smq.errors import (
    SmqRequestError,
    already_exist,
    invalid_argument,
    queue_deleted_recently,
    queue_not_exist,
    subscription_not_exist,
    topic_not_exist,
)

SCHEMA = """
CREATE TABLE IF NOT EXISTS queues (
    name TEXT PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    visibility_timeout INTEGER NOT NULL,
    maximum_message_size INTEGER NOT NULL,
    message_retention_period INTEGER NOT NULL,
    delay_seconds INTEGER NOT NULL,
    polling_wait_seconds INTEGER NOT NULL,
    logging_enabled INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deleted_queues (
    name TEXT PRIMARY KEY,
    deleted_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS topics (
    name TEXT PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    maximum_message_size INTEGER NOT NULL,
    logging_enabled INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS subscriptions (
    topic TEXT NOT NULL REFERENCES topics (name) ON DELETE CASCADE,
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    modified_ms INTEGER NOT NULL,
    endpoint TEXT NOT NULL,
    notify_strategy TEXT NOT NULL,
    notify_content_format TEXT NOT NULL,
    filter_tag TEXT NOT NULL,
    PRIMARY KEY (topic, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL REFERENCES queues (name) ON DELETE CASCADE,
    message_id TEXT NOT NULL,
    body TEXT NOT NULL,
    body_md5 TEXT NOT NULL,
    priority INTEGER NOT NULL,
    properties TEXT NOT NULL,
    enqueued_ms INTEGER NOT NULL,
    visible_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    first_dequeued_ms INTEGER NOT NULL DEFAULT 0,
    dequeue_count INTEGER NOT NULL DEFAULT 0,
    receipt INTEGER NOT NULL DEFAULT 0
);
-- visible_ms is 0 for what can be received now (messages.py), so this index has it in the order of receiving
CREATE INDEX IF NOT EXISTS messages_in_turn ON messages (queue, visible_ms, priority, number);
CREATE INDEX IF NOT EXISTS messages_by_expiry ON messages (expires_ms);
"""

_QUEUE_COLUMNS = tuple(asdict(QueueAttributes()))

Attributes = TypeVar("Attributes")
Item = TypeVar("Item")


@dataclass(frozen=True)
class Stored(Generic[Attributes]):
    """A stored resource: its name, its settings and its two times (milliseconds)."""

    name: str
    created_ms: int
    modified_ms: int
    attributes: Attributes


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page of a listing; `next_marker` is None on the last one."""

    items: list[Item]
    next_marker: str | None


@dataclass(frozen=True)
class Listing:
    """Which page is asked for: names with `prefix`, from `marker` on, `limit` of them."""

    prefix: str = ""
    marker: str = ""
    limit: int = 1000


# --- queues


def _queue(row: sqlite3.Row) -> Stored[QueueAttributes]:
    settings = {name: row[name] for name in _QUEUE_COLUMNS}
    settings["logging_enabled"] = bool(settings["logging_enabled"])
    return Stored(row["name"], row["created_ms"], row["modified_ms"], QueueAttributes(**settings))


def get_queue(db: sqlite3.Connection, name: str) -> Stored[QueueAttributes]:
    """A queue; raises QueueNotExist."""
    row = db.execute("SELECT * FROM queues WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise queue_not_exist()
    return _queue(row)


def create_queue(db: sqlite3.Connection, name: str, attributes: QueueAttributes, now_ms: int) -> bool:
    """Make a queue; False when it is there with the same attributes, QueueAlreadyExist when with others.

    Raises QueueDeletedRecently within DELETED_NAME_SECONDS of its deletion.
    """
    row = db.execute("SELECT * FROM queues WHERE name = ?", (name,)).fetchone()
    if row is not None:
        if _queue(row).attributes != attributes:
            raise already_exist("Queue")
        return False
    forget_deleted_queues(db, now_ms)
    if exists(db, "deleted_queues", name):
        raise queue_deleted_recently()
    _check_room(db, "queues", MOST_QUEUES_AND_TOPICS)
    _insert(db, "queues", {"name": name, "created_ms": now_ms, "modified_ms": now_ms, **asdict(attributes)})
    return True


def set_queue(db: sqlite3.Connection, name: str, fields: Mapping[str, str], now_ms: int) -> None:
    """Change some of a queue's settings (elements of a <Queue> document)."""
    changed = get_queue(db, name).attributes.changed(fields)
    _update(db, "queues", {"modified_ms": now_ms, **asdict(changed)}, {"name": name})


def delete_queue(db: sqlite3.Connection, name: str, now_ms: int) -> None:
    """Delete a queue and every message in it; its name can't be used again for a while."""
    if db.execute("DELETE FROM queues WHERE name = ?", (name,)).rowcount == 0:
        raise queue_not_exist()
    _insert(db, "deleted_queues", {"name": name, "deleted_ms": now_ms})


def forget_deleted_queues(db: sqlite3.Connection, now_ms: int, name: str = "") -> None:
    """Let the names of queues deleted long enough ago be used again, and `name` at once."""
    long_ago_ms = now_ms - DELETED_NAME_SECONDS * 1000
    db.execute("DELETE FROM deleted_queues WHERE deleted_ms <= ? OR name = ?", (long_ago_ms, name))


def list_queues(db: sqlite3.Connection, asked: Listing) -> Page[Stored[QueueAttributes]]:
    """One page of queues by name."""
    return _page([_queue(row) for row in _rows(db, "queues", asked)], asked.limit)


# --- topics


def _topic(row: sqlite3.Row) -> Stored[TopicAttributes]:
    attributes = TopicAttributes(row["maximum_message_size"], bool(row["logging_enabled"]))
    return Stored(row["name"], row["created_ms"], row["modified_ms"], attributes)


def get_topic(db: sqlite3.Connection, name: str) -> Stored[TopicAttributes]:
    """A topic; raises TopicNotExist."""
    row = db.execute("SELECT * FROM topics WHERE name = ?", (name,)).fetchone()
    if row is None:
        raise topic_not_exist()
    return _topic(row)


def create_topic(db: sqlite3.Connection, name: str, attributes: TopicAttributes, now_ms: int) -> bool:
    """Make a topic; False when it is there with the same attributes, TopicAlreadyExist when with others."""
    row = db.execute("SELECT * FROM topics WHERE name = ?", (name,)).fetchone()
    if row is not None:
        if _topic(row).attributes != attributes:
            raise already_exist("Topic")
        return False
    _check_room(db, "topics", MOST_QUEUES_AND_TOPICS)
    _insert(db, "topics", {"name": name, "created_ms": now_ms, "modified_ms": now_ms, **asdict(attributes)})
    return True


def set_topic(db: sqlite3.Connection, name: str, fields: Mapping[str, str], now_ms: int) -> None:
    """Change some of a topic's settings (elements of a <Topic> document)."""
    changed = get_topic(db, name).attributes.changed(fields)
    _update(db, "topics", {"modified_ms": now_ms, **asdict(changed)}, {"name": name})


def delete_topic(db: sqlite3.Connection, name: str) -> None:
    """Delete a topic and its subscriptions."""
    if db.execute("DELETE FROM topics WHERE name = ?", (name,)).rowcount == 0:
        raise topic_not_exist()


def list_topics(db: sqlite3.Connection, asked: Listing) -> Page[Stored[TopicAttributes]]:
    """One page of topics by name."""
    return _page([_topic(row) for row in _rows(db, "topics", asked)], asked.limit)


# --- subscriptions


def _subscription(row: sqlite3.Row) -> Stored[SubscriptionAttributes]:
    attributes = SubscriptionAttributes(
        row["endpoint"], row["notify_strategy"], row["notify_content_format"], row["filter_tag"]
    )
    return Stored(row["name"], row["created_ms"], row["modified_ms"], attributes)


def get_subscription(db: sqlite3.Connection, topic: str, name: str) -> Stored[SubscriptionAttributes]:
    """A subscription; raises TopicNotExist or SubscriptionNotExist."""
    get_topic(db, topic)
    row = db.execute("SELECT * FROM subscriptions WHERE topic = ? AND name = ?", (topic, name)).fetchone()
    if row is None:
        raise subscription_not_exist()
    return _subscription(row)


def subscribe(db: sqlite3.Connection, topic: str, name: str, attributes: SubscriptionAttributes, now_ms: int) -> bool:
    """Make a subscription; False when it is there already, SubscriptionAlreadyExist when with others.

    A queue that takes smaller messages than the topic can't be subscribed (page "Limits").
    """
    largest = get_topic(db, topic).attributes.maximum_message_size
    row = db.execute("SELECT * FROM subscriptions WHERE topic = ? AND name = ?", (topic, name)).fetchone()
    if row is not None:
        if _subscription(row).attributes != attributes:
            raise already_exist("Subscription")
        return False
    (count,) = db.execute("SELECT count(*) FROM subscriptions WHERE topic = ?", (topic,)).fetchone()
    if count >= MOST_SUBSCRIPTIONS:
        raise _no_room("subscriptions of a topic", MOST_SUBSCRIPTIONS)
    queue = db.execute("SELECT maximum_message_size FROM queues WHERE name = ?", (attributes.queue,)).fetchone()
    if queue is not None and queue["maximum_message_size"] < largest:
        raise invalid_argument(
            f"The MaximumMessageSize of queue {attributes.queue} should not be less than the topic's, {largest} bytes."
        )
    values = {"topic": topic, "name": name, "created_ms": now_ms, "modified_ms": now_ms}
    _insert(db, "subscriptions", {**values, **asdict(attributes)})
    return True


def is_subscribed(db: sqlite3.Connection, topic: str, name: str) -> bool:
    """Whether the topic has a subscription of that name."""
    found = db.execute("SELECT 1 FROM subscriptions WHERE topic = ? AND name = ?", (topic, name)).fetchone()
    return found is not None


def set_subscription(db: sqlite3.Connection, topic: str, name: str, fields: Mapping[str, str], now_ms: int) -> None:
    """Change a subscription's NotifyStrategy."""
    changed = get_subscription(db, topic, name).attributes.with_strategy(fields)
    _update(db, "subscriptions", {"modified_ms": now_ms, **asdict(changed)}, {"topic": topic, "name": name})


def unsubscribe(db: sqlite3.Connection, topic: str, name: str) -> None:
    """Delete a subscription."""
    get_subscription(db, topic, name)
    db.execute("DELETE FROM subscriptions WHERE topic = ? AND name = ?", (topic, name))


def list_subscriptions(db: sqlite3.Connection, topic: str, asked: Listing) -> Page[Stored[SubscriptionAttributes]]:
    """One page of a topic's subscriptions by name; raises TopicNotExist."""
    get_topic(db, topic)
    rows = db.execute(
        "SELECT * FROM subscriptions WHERE topic = ? AND name >= ? AND substr(name, 1, ?) = ? ORDER BY name LIMIT ?",
        (topic, asked.marker, len(asked.prefix), asked.prefix, asked.limit + 1),
    )
    return _page([_subscription(row) for row in rows], asked.limit)


def subscriptions_for(db: sqlite3.Connection, topic: str, tag: str) -> list[Stored[SubscriptionAttributes]]:
    """The subscriptions a message with `tag` ("" for none) goes to; raises TopicNotExist."""
    get_topic(db, topic)
    rows = db.execute(
        "SELECT * FROM subscriptions WHERE topic = ? AND filter_tag IN ('', ?) ORDER BY name", (topic, tag)
    )
    return [_subscription(row) for row in rows]


# --- shared by the three


def exists(db: sqlite3.Connection, table: str, name: str) -> bool:
    """Whether a table of this file has a row of that name."""
    return db.execute(f"SELECT 1 FROM {table} WHERE name = ?", (name,)).fetchone() is not None  # noqa: S608 - `table` is a name of this file


def _rows(db: sqlite3.Connection, table: str, asked: Listing) -> sqlite3.Cursor:
    return db.execute(
        f"SELECT * FROM {table} WHERE name >= ? AND substr(name, 1, ?) = ? ORDER BY name LIMIT ?",  # noqa: S608 - `table` is a name of this file
        (asked.marker, len(asked.prefix), asked.prefix, asked.limit + 1),
    )


def _page(items: list[Stored[Attributes]], limit: int) -> Page[Stored[Attributes]]:
    return Page(items[:limit], items[limit].name if len(items) > limit else None)


def _check_room(db: sqlite3.Connection, table: str, most: int) -> None:
    (count,) = db.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - `table` is a name of this file
    if count >= most:
        raise _no_room(table, most)


def _no_room(what: str, most: int) -> SmqRequestError:
    return SmqRequestError(403, "LimitExceeded", f"The number of {what} is limited to {most}.")


def _insert(db: sqlite3.Connection, table: str, values: Mapping[str, object]) -> None:
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))  # noqa: S608 - names of this file


def _update(db: sqlite3.Connection, table: str, values: Mapping[str, object], where: Mapping[str, object]) -> None:
    changes = ", ".join(f"{name} = ?" for name in values)
    which = " AND ".join(f"{name} = ?" for name in where)
    db.execute(f"UPDATE {table} SET {changes} WHERE {which}", (*values.values(), *where.values()))  # noqa: S608 - names of this file
