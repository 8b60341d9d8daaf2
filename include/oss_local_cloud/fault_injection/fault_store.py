"""The state that survives a kill: settings, rules, the log of faults, and held messages.

Functions take a connection inside a transaction (see sqlite_thread); times are milliseconds since the epoch.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from oss_local_cloud.fault_injection import rules
from oss_local_cloud.fault_injection.records import Fault
from oss_local_cloud.fault_injection.rules import AnyRule

SCHEMA = """
CREATE TABLE IF NOT EXISTS settings (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    seed INTEGER NOT NULL,
    starts INTEGER NOT NULL,
    clock_offset REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS rules (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    rule TEXT NOT NULL,
    fired INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS faults (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    rule TEXT NOT NULL,
    fault TEXT NOT NULL,
    service TEXT NOT NULL,
    operation TEXT NOT NULL,
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    request_id TEXT NOT NULL,
    task_id TEXT NOT NULL,
    "when" TEXT NOT NULL,
    detail TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS held (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    body TEXT NOT NULL,
    tag TEXT NOT NULL,
    due_ms INTEGER NOT NULL,
    place TEXT NOT NULL
);
"""

_FAULT_COLUMNS = ", ".join(f'"{name}"' for name in Fault.__dataclass_fields__)


@dataclass(frozen=True)
class Settings:
    """The seed, how often the directory was started, and the clock's offset in seconds."""

    seed: int
    starts: int
    clock_offset: float


@dataclass(frozen=True)
class StoredRule:
    """A rule with its id, and how often it has fired as far as that is stored."""

    id: str
    rule: AnyRule
    fired: int


@dataclass(frozen=True)
class HeldMessage:
    """A message to be published at `due_ms`; among those of one shuffled window `place` is the order."""

    topic: str
    body: str
    tag: str
    due_ms: int
    place: str = ""


def begin(db: sqlite3.Connection, seed: int | None) -> Settings:
    """Count one more start; a given `seed` takes the place of the one that was kept."""
    db.execute("INSERT INTO settings VALUES (1, 0, 0, 0) ON CONFLICT DO NOTHING")
    db.execute("UPDATE settings SET starts = starts + 1, seed = coalesce(?, seed)", (seed,))
    row = db.execute("SELECT seed, starts, clock_offset FROM settings").fetchone()
    return Settings(row["seed"], row["starts"], row["clock_offset"])


def set_seed(db: sqlite3.Connection, seed: int) -> None:
    """Keep another seed."""
    db.execute("UPDATE settings SET seed = ?", (seed,))


def set_clock_offset(db: sqlite3.Connection, seconds: float) -> None:
    """Keep another offset."""
    db.execute("UPDATE settings SET clock_offset = ?", (seconds,))


def load_rules(db: sqlite3.Connection) -> list[StoredRule]:
    """The rules in their order."""
    return [
        StoredRule(row["id"], rules.parse(row["rule"]), row["fired"])
        for row in db.execute("SELECT id, rule, fired FROM rules ORDER BY position")
    ]


def keep_rules(db: sqlite3.Connection, kept: Sequence[StoredRule]) -> None:
    """Keep these rules and no others."""
    db.execute("DELETE FROM rules")
    db.executemany(
        "INSERT INTO rules (id, rule, fired) VALUES (?, ?, ?)",
        [(stored.id, rules.dump(stored.rule), stored.fired) for stored in kept],
    )


def fired(db: sqlite3.Connection, rule: str, times: int) -> None:
    """Store how often a rule has fired."""
    db.execute("UPDATE rules SET fired = max(fired, ?) WHERE id = ?", (times, rule))


def log(db: sqlite3.Connection, fault: Fault) -> None:
    """Add a fault to the log, which gives it its number."""
    values = [getattr(fault, name) for name in Fault.__dataclass_fields__ if name != "number"]
    db.execute(f"INSERT INTO faults ({_FAULT_COLUMNS}) VALUES (NULL{', ?' * len(values)})", values)  # noqa: S608 - names of a class


def count_faults(db: sqlite3.Connection) -> int:
    """How many faults the log has."""
    return int(db.execute("SELECT count(*) FROM faults").fetchone()[0])


def page_of_faults(
    db: sqlite3.Connection, after: int, limit: int, *, fault: str | None = None, rule: str | None = None
) -> list[Fault]:
    """Up to `limit` faults after the one numbered `after`, in order."""
    found = db.execute(
        f"SELECT {_FAULT_COLUMNS} FROM faults WHERE number > :after AND fault = coalesce(:fault, fault)"  # noqa: S608
        " AND rule = coalesce(:rule, rule) ORDER BY number LIMIT :limit",
        {"after": after, "limit": limit, "fault": fault, "rule": rule},
    )
    return [Fault(**row) for row in found]


def forget_faults(db: sqlite3.Connection) -> None:
    """Empty the log."""
    db.execute("DELETE FROM faults")


def hold(db: sqlite3.Connection, message: HeldMessage) -> int:
    """Keep a message that is to be published later; its number."""
    row = db.execute(
        "INSERT INTO held (topic, body, tag, due_ms, place) VALUES (?, ?, ?, ?, ?)",
        (message.topic, message.body, message.tag, message.due_ms, message.place),
    )
    return int(row.lastrowid or 0)


def held(db: sqlite3.Connection, numbers: Iterable[int]) -> list[tuple[int, HeldMessage]]:
    """Messages that are held, by number, in the order asked for."""
    found = []
    for number in numbers:
        row = db.execute("SELECT topic, body, tag, due_ms, place FROM held WHERE number = ?", (number,)).fetchone()
        if row is not None:
            found.append((number, HeldMessage(**row)))
    return found


def count_held(db: sqlite3.Connection) -> int:
    """How many messages are held."""
    return int(db.execute("SELECT count(*) FROM held").fetchone()[0])


def waiting(db: sqlite3.Connection) -> list[tuple[int, int, str]]:
    """Number, due time and place of every message that is held, by due time and place."""
    rows = db.execute("SELECT number, due_ms, place FROM held ORDER BY due_ms, place, number")
    return [(row["number"], row["due_ms"], row["place"]) for row in rows]


def release(db: sqlite3.Connection, numbers: Iterable[int]) -> None:
    """These messages were published."""
    db.executemany("DELETE FROM held WHERE number = ?", [(number,) for number in numbers])
