"""The catalogue's errors, and what a database driver's error means: the cause and the remedy in one sentence."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

import sqlalchemy as sa


class CatalogueError(RuntimeError):
    """The catalogue can't be used. The message names the database and the remedy, never a password."""


class CatalogueUnavailable(CatalogueError):
    """The database doesn't serve at the moment, such as a server that is away or a file that is locked.

    The transaction was rolled back. The same request may succeed later.
    """


class NoSuchBatch(LookupError):
    """The catalogue has no batch of that id or name."""


_SQLITE: Mapping[str, tuple[str, str]] = {
    "SQLITE_BUSY": (
        "another process has locked it for longer than {busy:.0f} s",
        "Wait for it to end, or end it; `fuser FILE` names it",
    ),
    "SQLITE_FULL": (
        "the disk, or the file's own limit, is full",
        "Make room, or remove old rows with `oss-audio catalogue prune`, and run it again",
    ),
    "SQLITE_READONLY": ("it is read-only", "Give this user the right to write the file and its folder"),
    "SQLITE_CANTOPEN": ("it can't be opened", "Check the path and this user's rights to the file and its folder"),
    "SQLITE_PERM": ("this user may not open it", "Check this user's rights to the file and its folder"),
    "SQLITE_IOERR": ("the disk gives errors", "Check the disk; SQLite needs a local one"),
    "SQLITE_CORRUPT": (
        "its content is damaged",
        "Restore a backup, or move it away: the next run begins a new catalogue and converts everything again",
    ),
    "truncated": (
        "the file is empty: something truncated it while it was in use",
        "Restore a backup, or move it away: the next run begins a new catalogue and converts everything again",
    ),
    "SQLITE_NOTADB": ("it is no SQLite database", "Check the path, or move the file away"),
}
"""By the name of SQLite's primary result code (https://www.sqlite.org/rescode.html). `truncated` is none: of a
file in use that was cut to nothing SQLite says that it is locked."""

_POSTGRESQL: Mapping[str, tuple[str, str]] = {
    "25006": (
        "it is read-only",
        "Point at the primary server and not at a standby, and set default_transaction_read_only to off",
    ),
    "25P03": (
        "this process was idle inside a transaction for too long, so the server ended the transaction",
        "Find out what stopped the process or its machine, and run it again",
    ),
    "40": ("two transactions conflicted, and the server rolled this one back", "Run it again"),
    "42501": (
        "this role lacks a right",
        "Make it the owner of the tables, or grant it CREATE on the schema and all rights on the tables",
    ),
    "53100": ("the server's disk is full", "Make room there and run it again"),
    "53300": ("the server has no connection left", "Raise max_connections, or put a pooler in front of it"),
    "53": ("the server has run out of a resource", "See its log"),
    "55P03": ("another transaction has locked it", "Wait for it to end"),
    "57": ("the server is shutting down or starting", "Wait until it serves again"),
    "28": ("the server refuses this role", "Check user and password"),
    "3D": ("the server has no such database", "Create it: `createdb NAME`"),
    "08006": (
        "the connection to the server broke: the server was restarted, the network failed, or this process was idle "
        "inside a transaction for longer than the server allows",
        "Find out which it was, and run it again",
    ),
    "08": ("the server can't be reached", "Check host and port, and that it runs"),
}
"""By the beginning of PostgreSQL's SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


_TRANSIENT = frozenset({"SQLITE_BUSY", "25P03", "40", "53300", "53", "55P03", "57", "08006", "08"})
"""Errors that end without a person's intervention."""


def explain(error: sa.exc.DBAPIError, shown: str, busy: float, *, truncated: bool = False) -> str | None:
    """Explain a driver's error in one sentence, with the remedy.

    Args:
        error: of the driver, as SQLAlchemy raised it.
        shown: the catalogue's URL without its password.
        busy: seconds that a writer waits for another one.
        truncated: whether the file of a SQLite catalogue that was in use is empty now.

    Returns:
        The explanation; None: the error is not about the state of the database.
    """
    known = _kind(error)
    if known is None:
        return None
    if known == "SQLITE_BUSY" and truncated:
        known = "truncated"
    what, remedy = {**_SQLITE, **_POSTGRESQL}[known]
    return f"catalogue {shown}: {what.format(busy=busy)}. {remedy}"


def is_transient(error: sa.exc.DBAPIError) -> bool:
    """Whether the same request may succeed later with nothing changed: a server that is away, a lock."""
    return _kind(error) in _TRANSIENT


def _kind(error: sa.exc.DBAPIError) -> str | None:
    """The error's key in the tables above; None: it has none."""
    if isinstance(error.orig, sqlite3.Error):
        name = "_".join((getattr(error.orig, "sqlite_errorname", "") or "").split("_")[:2])
        return name if name in _SQLITE else None
    code = getattr(error.orig, "pgcode", None)
    if code is None and (isinstance(error, sa.exc.OperationalError) or error.connection_invalidated):
        return _unconnected(str(error.orig), lost=error.connection_invalidated)
    return next((start for start in _POSTGRESQL if (code or "").startswith(start)), None)


def _unconnected(text: str, *, lost: bool) -> str:
    """The key of a refused or lost connection to PostgreSQL: these errors carry no SQLSTATE."""
    if "authentication failed" in text or "no pg_hba.conf entry" in text:
        return "28"
    if "database" in text and "does not exist" in text:
        return "3D"
    if "idle-in-transaction" in text:
        return "25P03"
    if "starting up" in text or "shutting down" in text:
        return "57"
    if "too many clients" in text or "connection slots" in text:
        return "53300"
    return "08006" if lost else "08"
