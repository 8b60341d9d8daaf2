"""Reads Airflow connections, and says what to do when one is missing or wrong.

A setting that is wrong stays wrong: every error here is an AirflowFailException, which ends the task without
using up its retries, and names the connection, the field and the remedy. Values never show.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

if TYPE_CHECKING:
    from airflow.sdk import Connection

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off", ""})


@dataclass(frozen=True)
class ConnectionFields:
    """A connection's fields with its extra fields parsed.

    Attributes:
        example: what a good connection of this kind looks like, as the arguments of `airflow connections add`.
    """

    conn_id: str
    connection: Connection
    extra: Mapping[str, Any]
    example: str

    @property
    def name(self) -> str:
        """What messages call this connection."""
        return f"connection {self.conn_id!r}"

    def text(self, name: str) -> str | None:
        """An extra field as text without white space around it; None when it is absent or empty."""
        value = self.extra.get(name)
        if value is None:
            return None
        if not isinstance(value, (str, int, float)) or isinstance(value, bool):
            raise self.wrong(f"extra field '{name}' must be text, and is a JSON {type(value).__name__}")
        return str(value).strip() or None

    def flag(self, name: str) -> bool:
        """An extra field as yes or no; absent means no. Connections written as URIs carry it as text."""
        value = self.extra.get(name)
        if value is None or isinstance(value, bool):
            return bool(value)
        word = str(value).strip().lower()
        if word not in _TRUE | _FALSE:
            raise self.wrong(f"extra field '{name}' must be true or false")
        return word in _TRUE

    def seconds(self, name: str, default: float) -> float:
        """An extra field as a positive number of seconds."""
        value = self.text(name)
        if value is None:
            return default
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not 0 < number < float("inf"):
            raise self.wrong(f"extra field '{name}' must be a number of seconds greater than 0")
        return number

    def require_type(self, *types: str) -> None:
        """Refuse a connection of another type."""
        if self.connection.conn_type not in types:
            raise self.wrong(f"its type is {self.connection.conn_type!r} and must be {' or '.join(map(repr, types))}")

    def wrong(self, complaint: str) -> AirflowFailException:
        """The error for a connection that is there and can't be used."""
        return AirflowFailException(
            f"Connection {self.conn_id!r} can't be used: {complaint}. {_remedy(self.conn_id, self.example)}"
        )


def find(conn_id: str, example: str) -> ConnectionFields | None:
    """Return a connection (on a worker), None when there is none; AirflowFailException for a broken one."""
    try:
        connection = BaseHook.get_connection(conn_id)
    except AirflowNotFoundException:
        _refuse_unreadable(conn_id, example)
        return None
    fields = _with_extra(conn_id, connection, example)
    _ = connection.extra_dejson  # tells the log masker which values are secret
    return fields


async def afind(conn_id: str, example: str) -> ConnectionFields | None:
    """`find` for triggers."""
    try:
        connection = await BaseHook.aget_connection(conn_id)
    except AirflowNotFoundException:
        _refuse_unreadable(conn_id, example)
        return None
    fields = _with_extra(conn_id, connection, example)
    # Tells the log masker which values are secret.
    if hasattr(connection, "aextra_dejson"):
        await connection.aextra_dejson()
    else:  # Airflow 3.2
        _ = connection.extra_dejson
    return fields


def read(conn_id: str, example: str) -> ConnectionFields:
    """Return a connection (on a worker); AirflowFailException when there is none or it is broken."""
    return _present(find(conn_id, example), conn_id, example)


async def aread(conn_id: str, example: str) -> ConnectionFields:
    """`read` for triggers."""
    return _present(await afind(conn_id, example), conn_id, example)


def _present(fields: ConnectionFields | None, conn_id: str, example: str) -> ConnectionFields:
    if fields is None:
        raise AirflowFailException(
            f"Connection {conn_id!r} isn't defined: no environment variable, secrets backend or database "
            f"entry has it. {_remedy(conn_id, example)}"
        )
    return fields


def _refuse_unreadable(conn_id: str, example: str) -> None:
    """Tell "there is none" from "there is one that Airflow couldn't read": it reports both the same way."""
    variable = _variable(conn_id)
    if variable in os.environ:
        raise AirflowFailException(
            f"Connection {conn_id!r} can't be read: {variable} is set, but it is neither a JSON object nor a "
            f"connection URI. {_remedy(conn_id, example)}"
        )


def _with_extra(conn_id: str, connection: Connection, example: str) -> ConnectionFields:
    fields = ConnectionFields(conn_id, connection, {}, example)
    if not connection.extra:
        return fields
    try:
        extra = json.loads(connection.extra)
    except ValueError:
        raise fields.wrong("its extra field isn't valid JSON") from None
    if not isinstance(extra, dict):
        raise fields.wrong(f"its extra field must be a JSON object, and is a JSON {type(extra).__name__}")
    return ConnectionFields(conn_id, connection, extra, example)


def _variable(conn_id: str) -> str:
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def _remedy(conn_id: str, example: str) -> str:
    return (
        f"Set it with `airflow connections add {conn_id} {example}`, in the UI under Admin, Connections, or "
        f"in the environment variable {_variable(conn_id)}."
    )
