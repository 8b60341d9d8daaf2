"""Only modules of the catalogue write its tables: no other module builds an INSERT, UPDATE or DELETE on one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from oss_audio_core.catalogue.schema import metadata

ROOT = Path(__file__).parents[5]
OWNER = ROOT / "include" / "oss_audio_core" / "catalogue"
TABLES = set(metadata.tables)


def writes(source: str) -> Iterator[str]:
    """The statements of a module that write a table of the catalogue, as `insert(conversion)`."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called, table = name_of(node.func), name_of(node.args[0])
        if called in {"insert", "update", "delete"} and table in TABLES:
            yield f"{called}({table})"


def name_of(node: ast.expr) -> str:
    """The last part of a dotted name."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def test_a_write_is_found_however_it_is_imported() -> None:
    source = "sa.update(conversion).values()\nupdate(schema.batch)\nrows.insert(0, listing)\nsa.select(batch)\n"
    assert sorted(writes(source)) == ["update(batch)", "update(conversion)"]


def test_no_other_module_writes_a_table_of_the_catalogue() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {write}"
        for folder in ("include", "plugins", "dags")
        for path in (ROOT / folder).rglob("*.py")
        if not path.is_relative_to(OWNER)
        for write in writes(path.read_text(encoding="utf-8"))
    }
    assert found == set()
