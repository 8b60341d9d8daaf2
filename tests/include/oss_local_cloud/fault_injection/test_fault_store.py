"""What the fault store keeps: settings, rules, the log, and held messages."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest

from oss_local_cloud.fault_injection import fault_store
from oss_local_cloud.fault_injection.fault_store import HeldMessage, Settings, StoredRule
from oss_local_cloud.fault_injection.records import Fault
from oss_local_cloud.fault_injection.rules import Lost


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.executescript(fault_store.SCHEMA)
    yield connection
    connection.close()


def test_a_start_is_counted_and_keeps_the_seed_unless_one_is_given(db: sqlite3.Connection) -> None:
    assert fault_store.begin(db, 5) == Settings(5, 1, 0.0)
    fault_store.set_clock_offset(db, 60.0)
    assert fault_store.begin(db, None) == Settings(5, 2, 60.0)
    assert fault_store.begin(db, 7) == Settings(7, 3, 60.0)


def test_rules_keep_their_order_and_the_highest_count(db: sqlite3.Connection) -> None:
    stored = [StoredRule("b", Lost(times=3), 1), StoredRule("a", Lost(), 0)]
    fault_store.keep_rules(db, stored)
    assert fault_store.load_rules(db) == stored
    for times in (2, 1):
        fault_store.fired(db, "b", times)
    assert [rule.fired for rule in fault_store.load_rules(db)] == [2, 0]


def test_the_log_is_numbered_and_filtered(db: sqlite3.Connection) -> None:
    for rule, fault in (("r1", "lost"), ("r2", "reset"), ("r1", "reset")):
        fault_store.log(db, Fault(0, 1, rule, fault, "", "", "", "", "", "", "", ""))
    assert [one.number for one in fault_store.page_of_faults(db, 0, 10)] == [1, 2, 3]
    assert [one.number for one in fault_store.page_of_faults(db, 1, 1)] == [2]
    assert [one.number for one in fault_store.page_of_faults(db, 0, 10, fault="reset", rule="r1")] == [3]
    fault_store.forget_faults(db)
    assert fault_store.count_faults(db) == 0


def test_held_messages_come_by_due_time_and_stay_until_released(db: sqlite3.Connection) -> None:
    late, early = HeldMessage("t", "late", "", 20), HeldMessage("t", "early", "tag", 10, "place")
    numbers = [fault_store.hold(db, message) for message in (late, early)]
    assert [number for number, _, _ in fault_store.waiting(db)] == numbers[::-1]
    assert fault_store.held(db, [*numbers, 99]) == [(numbers[0], late), (numbers[1], early)]
    fault_store.release(db, numbers[:1])
    assert fault_store.count_held(db) == 1
