"""One row of a transaction by itself: what the database refuses of it leaves the others of the turn as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.storable import storable

LONGEST_REASON = 500
"""Characters of a driver's text that are kept: it may quote the value."""

_ABOUT_VALUES = ("22", "23", "54")
"""Classes of SQLSTATE: a value that the type doesn't take, a constraint, a limit of the server's program such as the
longest entry of an index (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""


class RowRefused(ValueError):
    """The database doesn't take the values of this row; the message says why."""


@contextmanager
def one_row(connection: Connection) -> Iterator[None]:
    """Write one row of a transaction within a savepoint: if it is refused, everything else of the transaction stands.

    Errors of the database itself pass through: a lock, a full disk, a lost connection, a missing table.

    Raises:
        RowRefused: a value can't be stored, or the row's values are no such values at all.
    """
    try:
        with connection.begin_nested():
            yield
    except Exception as error:
        if not _is_about_values(error):
            raise
        raise RowRefused(f"the catalogue can't store it: {_reason(error)}") from error


def _is_about_values(error: Exception) -> bool:
    if isinstance(error, sa.exc.DBAPIError):
        code = getattr(error.orig, "pgcode", None) or ""
        return isinstance(error, sa.exc.DataError | sa.exc.IntegrityError) or code.startswith(_ABOUT_VALUES)
    # Drivers raise Python's own errors about a NUL, a surrogate or an integer of more than 64 bits.
    return isinstance(error, sa.exc.StatementError | ValueError | ArithmeticError | TypeError | LookupError)


def _reason(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return storable(" ".join(f"{type(cause).__name__}: {cause}".split()))[:LONGEST_REASON]
