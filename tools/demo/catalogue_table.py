"""The catalogue as a table: the renditions of every source, or why there are none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from rich import box
from rich.table import Table

from oss_audio_core.catalogue.reports import ReportRow
from oss_audio_core.catalogue.states import FAILED_STATES, State


def catalogue_table(rows: Sequence[ReportRow], prefix: str) -> Table:
    """Make a table with a line for each rendition; failures of one source that share a reason share a line.

    Args:
        rows: conversions, ordered by source.
        prefix: left out of the sources' keys, as all of them begin with it.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, caption_justify="left")
    table.add_column("source", overflow="fold")
    table.add_column("rendition")
    table.add_column("codec")
    for name in ("rate", "ch", "duration", "bitrate", "size", "saved"):
        table.add_column(name, justify="right")
    table.add_column("verified")
    table.add_column("reason", overflow="fold", min_width=20)
    for key, of_source in groupby(rows, key=lambda row: row.key):
        name = key.removeprefix(prefix)
        conversions = list(of_source)
        for row in conversions:
            if row.state not in FAILED_STATES:
                table.add_row(name, *_made(row))
                name = ""
        for reason, failed in _by_reason(row for row in conversions if row.state in FAILED_STATES):
            what = failed[0].profile if len(failed) == 1 else f"{len(failed)} profiles"
            table.add_row(name, what, *[""] * 7, "no", reason, style="red")
            name = ""
    if example := next((row for row in rows if row.state is State.PUBLISHED), None):
        table.caption = f"Each is an object; the first one is oss://{example.target_bucket}/{example.target_key}"
    return table


def _made(row: ReportRow) -> tuple[str, ...]:
    verified = "yes" if row.state is State.PUBLISHED else row.state.value
    return (
        row.profile,
        row.codec or "",
        "" if row.sample_rate is None else f"{row.sample_rate:,}",
        "" if row.channels is None else str(row.channels),
        "" if row.duration is None else f"{row.duration:.2f} s",
        "" if row.bitrate is None else f"{row.bitrate / 1000:.0f}k",
        "" if row.size is None else f"{row.size:,}",
        "" if row.saved is None else f"{row.saved:.0%}",
        verified,
        row.message or "",
    )


def _by_reason(rows: Iterable[ReportRow]) -> list[tuple[str, list[ReportRow]]]:
    reasons: dict[str, list[ReportRow]] = {}
    for row in rows:
        reasons.setdefault(f"{row.code}: {row.message}", []).append(row)
    return list(reasons.items())
