"""docs/catalogue.md says of tables and columns what the schema says."""

from __future__ import annotations

from pathlib import Path

from oss_audio_core.catalogue.schema import metadata
from oss_audio_core.catalogue.views import views
from tools.catalogue_tables import BEGIN, END, with_tables

DOCUMENT = Path(__file__).parents[2] / "docs" / "catalogue.md"


def test_the_document_is_what_the_schema_says() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert with_tables(text) == text, "run: python -m tools.catalogue_tables docs/catalogue.md"


def test_every_table_and_column_is_in_it() -> None:
    part = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    for table in (*metadata.tables.values(), *views.tables.values()):
        section = part.partition(f"### `{table.name}`\n")[2].partition("\n### ")[0]
        assert table.comment in section
        for column in table.c:
            assert f"| `{column.name}` |" in section
