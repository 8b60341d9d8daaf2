"""IMM projects: what a bucket is bound to so that its objects can be processed.

Functions take a connection inside a transaction; times are milliseconds since the epoch.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

SCHEMA = """
CREATE TABLE IF NOT EXISTS projects (
    name TEXT PRIMARY KEY,
    description TEXT NOT NULL,
    service_role TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Project:
    """A project; `service_role` is the RAM role it would act under, kept and not used."""

    name: str
    description: str
    service_role: str
    created_ms: int


def add(db: sqlite3.Connection, project: Project) -> bool:
    """Make a project; False when there is one of that name, which stays as it is."""
    row = (project.name, project.description, project.service_role, project.created_ms)
    return db.execute("INSERT OR IGNORE INTO projects VALUES (?, ?, ?, ?)", row).rowcount == 1


def find(db: sqlite3.Connection, name: str) -> Project | None:
    """A project by name."""
    row = db.execute("SELECT * FROM projects WHERE name = ?", (name,)).fetchone()
    return None if row is None else Project(*row)


def listing(db: sqlite3.Connection, *, prefix: str, after: str, limit: int) -> list[Project]:
    """Up to `limit` projects in the order of their names, after the one named `after`."""
    rows = db.execute(
        "SELECT * FROM projects WHERE name > ? AND substr(name, 1, length(?)) = ? ORDER BY name LIMIT ?",
        (after, prefix, prefix, limit),
    )
    return [Project(*row) for row in rows]
