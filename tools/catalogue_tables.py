"""The catalogue's tables and views as Markdown, from the comments of the schema: a part of docs/catalogue.md.

`python -m tools.catalogue_tables docs/catalogue.md` generates that part; a test checks that it is
current.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from oss_audio_core.catalogue.schema import UtcDateTime, metadata
from oss_audio_core.catalogue.views import views

BEGIN = "<!-- from the schema: begin -->"
END = "<!-- from the schema: end -->"

_TYPES: tuple[tuple[type, str], ...] = (
    (UtcDateTime, "time"),
    (sa.JSON, "JSON"),
    (sa.Boolean, "boolean"),
    (sa.Float, "number"),
    (sa.Integer, "integer"),
    (sa.LargeBinary, "bytes"),
    (sa.Text, "text"),
)


def tables_as_markdown() -> str:
    """Views first, then tables; each with its columns, types, keys and comments."""
    parts = ["\n".join(_described(table)) for table in (*views.tables.values(), *metadata.tables.values())]
    return "\n\n".join(parts) + "\n"


def with_tables(document: str) -> str:
    """A document with the part between the two marks generated anew from the schema."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{tables_as_markdown()}\n{END}{after}"


def _described(table: sa.Table) -> Iterator[str]:
    yield f"### `{table.name}`"
    yield ""
    yield f"{table.comment}."
    yield ""
    yield "| column | type | | |"
    yield "|---|---|---|---|"
    for column in table.c:
        comment = (column.comment or "").replace("|", "\\|")
        yield f"| `{column.name}` | {_type(column)} | {_keys(table, column)} | {comment} |"


def _type(column: sa.Column[object]) -> str:
    return next(name for kind, name in _TYPES if isinstance(column.type, kind))


def _keys(table: sa.Table, column: sa.Column[object]) -> str:
    if table.metadata is views:
        return ""
    marks = ["primary key"] if column.primary_key else []
    marks += [f"→ `{key.column.table.name}`" for key in column.foreign_keys]
    for constraint in table.constraints:
        if isinstance(constraint, sa.UniqueConstraint) and column.name in constraint.columns:
            others = [f"`{one.name}`" for one in constraint.columns if one is not column]
            marks.append("unique" + (f" with {', '.join(others)}" if others else ""))
    if not (column.nullable or column.primary_key):
        marks.append("not null")
    return "; ".join(marks)


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")
