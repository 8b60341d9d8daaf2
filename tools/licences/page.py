"""The list of packages and licences in docs/licences.md, generated between two marks."""

from __future__ import annotations

from collections.abc import Mapping

from tools.requirements_files import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "licences.md"
BEGIN, END = "<!-- generated: begin -->", "<!-- generated: end -->"
ELSEWHERE = "another Python or platform"
"""Needs a package that is locked and not installed here."""


def with_list(page: str, licences: Mapping[str, str | None], needed_by: Mapping[str, frozenset[str]]) -> str:
    """The page with its list made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = [
        f"| {name} | {licence or 'unknown'} | {', '.join(sorted(needed_by.get(name, {ELSEWHERE})))} |"
        for name, licence in sorted(licences.items())
    ]
    return "\n".join(
        [f"{before}{BEGIN}", "| package | licence (SPDX) | needed by |", "|---|---|---|", *rows, f"{END}{after}"]
    )


def rows(page: str) -> list[tuple[str, ...]]:
    """The rows of a page's list."""
    part = page.partition(BEGIN)[2].partition(END)[0]
    return [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in part.splitlines()[3:] if line]
