"""Limits of queues, topics and subscriptions in the tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from oss_local_cloud.smq import tables
from oss_local_cloud.smq.attributes import QueueAttributes, SubscriptionAttributes, TopicAttributes
from oss_local_cloud.smq.errors import SmqRequestError

ENDPOINT = "acs:mns:cn-hangzhou:1000000000000001:queues/"


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.executescript(tables.SCHEMA)
    yield connection
    connection.close()


def test_a_thousand_queues_and_no_more(db: sqlite3.Connection) -> None:
    for number in range(1000):
        tables.create_queue(db, f"q{number}", QueueAttributes(), 0)
    with pytest.raises(SmqRequestError, match=r"LimitExceeded.*1000"):
        tables.create_queue(db, "one-too-many", QueueAttributes(), 0)
    assert tables.create_queue(db, "q0", QueueAttributes(), 0) is False
    tables.delete_queue(db, "q0", 0)
    assert tables.create_queue(db, "in-its-place", QueueAttributes(), 0) is True


def test_a_thousand_topics_with_a_hundred_subscriptions_and_no_more(db: sqlite3.Connection) -> None:
    for number in range(1000):
        tables.create_topic(db, f"t{number}", TopicAttributes(), 0)
    with pytest.raises(SmqRequestError, match=r"LimitExceeded.*1000"):
        tables.create_topic(db, "one-too-many", TopicAttributes(), 0)
    for number in range(100):
        tables.subscribe(db, "t0", f"s{number}", SubscriptionAttributes(f"{ENDPOINT}q{number}"), 0)
    with pytest.raises(SmqRequestError, match=r"LimitExceeded.*100"):
        tables.subscribe(db, "t0", "one-too-many", SubscriptionAttributes(f"{ENDPOINT}q"), 0)
    tables.subscribe(db, "t1", "s", SubscriptionAttributes(f"{ENDPOINT}q"), 0)
