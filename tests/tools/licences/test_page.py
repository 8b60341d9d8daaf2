"""The list in docs/licences.md is made between its marks, and read again."""

from __future__ import annotations

from tools.licences.page import BEGIN, END, PAGE, rows, with_list

LICENCES = {"b": "MIT", "a": None}
NEEDED_BY = {"b": frozenset({"parquet", "airflow"})}


def test_the_list_is_sorted_and_the_rest_of_the_page_stays() -> None:
    page = with_list(f"before\n{BEGIN}\nold\n{END}\nafter\n", LICENCES, NEEDED_BY)
    assert page.startswith(f"before\n{BEGIN}\n| package | licence (SPDX) | needed by |\n")
    assert page.endswith(f"\n{END}\nafter\n")
    assert rows(page) == [("a", "unknown", "another Python or platform"), ("b", "MIT", "airflow, parquet")]
    assert with_list(page, LICENCES, NEEDED_BY) == page


def test_the_page_has_both_marks_once() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert (text.count(BEGIN), text.count(END)) == (1, 1)
    assert len(rows(text)) > 200
