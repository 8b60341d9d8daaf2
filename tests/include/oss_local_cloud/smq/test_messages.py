"""Messages in a queue: visibility, receipt handles and retention, by the clock that is given."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from oss_local_cloud.smq import messages, tables
from oss_local_cloud.smq.attributes import QueueAttributes
from oss_local_cloud.smq.errors import SmqRequestError
from oss_local_cloud.smq.messages import Counts, NewMessage

SECOND = 1000


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.executescript(tables.SCHEMA)
    tables.create_queue(connection, "q", QueueAttributes(visibility_timeout=30, message_retention_period=60), 0)
    yield connection
    connection.close()


def test_the_most_urgent_and_oldest_message_is_received_first(db: sqlite3.Connection) -> None:
    messages.send(db, "q", [NewMessage("old"), NewMessage("new"), NewMessage("urgent", priority=1)], 0)
    assert [message.body for message in messages.receive(db, "q", 16, 0)] == ["urgent", "old", "new"]


def test_a_handle_is_valid_until_the_message_is_visible_again(db: sqlite3.Connection) -> None:
    messages.send(db, "q", [NewMessage("m")], 0)
    (first,) = messages.receive(db, "q", 1, SECOND)
    assert first.next_visible_ms == 31 * SECOND
    assert messages.receive(db, "q", 1, 31 * SECOND - 1) == []
    (second,) = messages.receive(db, "q", 1, 31 * SECOND)
    assert (second.dequeue_count, second.first_dequeued_ms) == (2, first.first_dequeued_ms)
    with pytest.raises(SmqRequestError, match="ReceiptHandleError"):
        messages.delete(db, "q", first.receipt_handle, 31 * SECOND)
    handle, visible_ms = messages.change_visibility(db, "q", second.receipt_handle, 10, 31 * SECOND)
    assert visible_ms == 41 * SECOND
    messages.delete(db, "q", handle, 32 * SECOND)
    with pytest.raises(SmqRequestError, match="MessageNotExist"):
        messages.delete(db, "q", handle, 32 * SECOND)


@pytest.mark.parametrize("handle", ["", "1-", "1-%%%", "1-MTIzNA==", "2-MDAwMDAwMDAwMS0x"])
def test_a_malformed_handle_is_refused(db: sqlite3.Connection, handle: str) -> None:
    with pytest.raises(SmqRequestError, match="ReceiptHandleError"):
        messages.delete(db, "q", handle, 0)


def test_delayed_received_and_expired_messages_are_counted_apart(db: sqlite3.Connection) -> None:
    messages.send(db, "q", [NewMessage("a"), NewMessage("b"), NewMessage("c", delay_seconds=5)], 0)
    messages.receive(db, "q", 1, 0)
    assert messages.counts(db, "q", 0) == Counts(active=1, inactive=1, delayed=1)
    assert messages.next_visible_ms(db, "q", 0) == 0
    assert [message.body for message in messages.peek(db, "q", 16, 5 * SECOND)] == ["b", "c"]
    assert messages.drop_expired(db, 60 * SECOND) == 3
    assert messages.next_visible_ms(db, "q", 60 * SECOND) is None
