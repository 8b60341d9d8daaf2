"""Events that are due, written down in the transaction that stores the object.

So there is no moment at which an object is acknowledged and its event could be forgotten: a row stays until
its message is in the topic, over any crash. An event is published at least once, as SMQ itself delivers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from oss_local_cloud.events.event_message import WrittenObject, event_text
from oss_local_cloud.events.event_rules import EventRule
from oss_local_cloud.events.write_origin import WriteOrigin
from oss_local_cloud.sqlite_thread import SqliteThread

SCHEMA = """
CREATE TABLE IF NOT EXISTS event_rules (
    name TEXT PRIMARY KEY,
    bucket TEXT NOT NULL,
    topic TEXT NOT NULL,
    operations TEXT NOT NULL,
    prefix TEXT NOT NULL,
    suffix TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events_due (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    body TEXT NOT NULL
);
"""
_RULE_COLUMNS = "name, bucket, topic, operations, prefix, suffix"


@dataclass(frozen=True)
class DueEvent:
    """An event that is not known to be in its topic; `body` is the message's text."""

    number: int
    topic: str
    body: str


class Outbox:
    """The event rules of a store and the events that its writes made due.

    Every method may be called from any thread. Methods that write block until the data is on the disk.
    """

    def __init__(self, database: SqliteThread) -> None:
        self._database = database
        self._rules: tuple[EventRule, ...] = ()
        self._region = ""
        self.on_due: Callable[[Sequence[int]], None] = lambda numbers: None
        """Called in the writing thread with the numbers of new events that no caller publishes."""

    def configure(self, region: str, rules: Sequence[EventRule] | None) -> tuple[EventRule, ...]:
        """Keep `rules` in place of those kept before (None: leave them) and note events by them from now on.

        Returns:
            The rules in force.
        """

        def work(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM event_rules")
            connection.executemany(
                f"INSERT INTO event_rules ({_RULE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",  # noqa: S608  # a constant
                [(r.name, r.bucket, r.topic, " ".join(r.operations), r.prefix, r.suffix) for r in rules or ()],
            )

        if rules is not None:
            self._database.write(work)
        rows = self._database.reader().execute(f"SELECT {_RULE_COLUMNS} FROM event_rules ORDER BY name")  # noqa: S608
        self._region = region
        self._rules = tuple(
            EventRule(name, bucket, topic, tuple(operations.split()), prefix, suffix)
            for name, bucket, topic, operations, prefix, suffix in rows.fetchall()
        )
        return self._rules

    def add(self, connection: sqlite3.Connection, written: WrittenObject, origin: WriteOrigin) -> None:
        """Add the events of a write, inside its transaction, and their numbers to `origin.due`."""
        for rule in self._rules:
            if rule.covers(origin.operation, written.bucket, written.key):
                body = event_text(written, origin, rule, self._region)
                row = connection.execute("INSERT INTO events_due (topic, body) VALUES (?, ?)", (rule.topic, body))
                origin.due.append(int(row.lastrowid or 0))

    def notify_relay(self, origin: WriteOrigin) -> None:
        """Have the events of a committed write published, unless its caller publishes them."""
        if origin.due and not origin.publishes_itself:
            self.on_due(tuple(origin.due))

    def pending(self) -> list[int]:
        """The numbers of all events that are due, oldest first."""
        return [
            number for (number,) in self._database.reader().execute("SELECT number FROM events_due ORDER BY number")
        ]

    def get(self, number: int) -> DueEvent | None:
        """A due event; None when it was published meanwhile."""
        row = self._database.reader().execute("SELECT * FROM events_due WHERE number = ?", (number,)).fetchone()
        return None if row is None else DueEvent(*row)

    def remove(self, numbers: Sequence[int]) -> None:
        """Remove events that are published."""
        self._database.write(
            lambda connection: connection.executemany(
                "DELETE FROM events_due WHERE number = ?", [(number,) for number in numbers]
            )
        )
