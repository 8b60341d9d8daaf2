"""Output of rows: a table on a terminal, tab-separated lines in a pipe, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NoReturn

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from oss_audio_core.text.escaping import for_json, for_terminal, for_tsv


def show_json(document: Any) -> None:
    """One JSON document; times as ISO 8601."""
    typer.echo(for_json(json.dumps(document, ensure_ascii=False, indent=1, default=_plain)))


def show_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, nothing: str) -> None:
    """Some columns of some rows; on a terminal as a table, else tab-separated under one line of names.

    Tab-separated fields are exact: `for_tsv` says how a text is read back. An absent value is an empty field.
    """
    if not sys.stdout.isatty():
        typer.echo("\t".join(columns))
        for row in rows:
            typer.echo("\t".join(for_tsv(_text(row.get(name))) for name in columns))
        return
    if not rows:
        heading(nothing)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        numbers = all(isinstance(row.get(name), int | float | None) for row in rows)
        table.add_column(name.replace("_", " "), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        # Text, not markup: keys may have brackets.
        table.add_row(*(Text(for_terminal(_pretty(row.get(name)))) for name in columns))
    Console().print(table)


def note(text: str) -> None:
    """Write a remark of one line to standard error, so that a pipe has rows only."""
    typer.echo(for_terminal(text), err=True)


def heading(text: str) -> None:
    """Write one line between the tables of a command that has several."""
    typer.echo(for_terminal(text))


def fail(reason: object) -> NoReturn:
    """End the command: the reason in one line on standard error, exit status 1."""
    note(f"error: {reason}")
    raise typer.Exit(1)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def _pretty(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else _text(value)
