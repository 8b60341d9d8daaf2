"""Events are stored in the transaction of the write and stay until they are removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from oss_local_cloud.events.event_message import WrittenObject
from oss_local_cloud.events.event_rules import EventRule
from oss_local_cloud.events.outbox import SCHEMA, Outbox
from oss_local_cloud.events.write_origin import WriteOrigin
from oss_local_cloud.sqlite_thread import SqliteThread

RULES = (EventRule("a", "audio", "first"), EventRule("b", "audio", "second", prefix="in/"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[SqliteThread]:
    thread = SqliteThread(tmp_path / "outbox.db", SCHEMA)
    thread.open()
    yield thread
    thread.close()


def write(database: SqliteThread, outbox: Outbox, key: str, origin: WriteOrigin) -> None:
    written = WrittenObject("audio", key, "ETAG", 1, 1, 0.0)
    database.write(lambda connection: outbox.add(connection, written, origin))
    outbox.notify_relay(origin)


def test_each_rule_that_covers_a_write_adds_an_event(database: SqliteThread) -> None:
    outbox, notified = Outbox(database), list[int]()
    outbox.on_due = notified.extend
    assert outbox.configure("local-1", RULES) == RULES
    write(database, outbox, "in/a", WriteOrigin("PutObject"))
    write(database, outbox, "other", WriteOrigin("PutObject"))
    topics = [event.topic for number in outbox.pending() if (event := outbox.get(number))]
    assert topics == ["first", "second", "first"]
    assert notified == outbox.pending()
    outbox.remove(notified[:2])
    assert outbox.pending() == notified[2:]
    assert outbox.get(notified[0]) is None


def test_the_relay_is_not_notified_of_events_that_the_caller_publishes(database: SqliteThread) -> None:
    outbox, notified = Outbox(database), list[int]()
    outbox.on_due = notified.extend
    outbox.configure("local-1", RULES)
    origin = WriteOrigin("PutObject", publishes_itself=True)
    write(database, outbox, "a", origin)
    assert notified == []
    assert origin.due == outbox.pending()


def test_rules_are_kept_until_others_are_configured(database: SqliteThread) -> None:
    Outbox(database).configure("local-1", RULES)
    assert Outbox(database).configure("local-1", None) == RULES
    assert Outbox(database).configure("local-1", ()) == ()
    assert Outbox(database).configure("local-1", None) == ()
