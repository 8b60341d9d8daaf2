"""The catalogue with a million renditions: pages of the published view, and a run's Parquet export."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.filled_catalogue import fill
from oss_audio_core.catalogue import Catalogue, open_catalogue
from oss_audio_core.catalogue.browsing import PublishedFilter, page

PAGES = 20
"""Pages of one kind that are read one after the other."""

_EXPORT = """
import sys, time
import pyarrow.parquet
from benchmarks.process_memory import peak
from oss_audio_core.catalogue import open_catalogue
from oss_audio_core.catalogue.parquet_export import export_batch

catalogue = open_catalogue(sys.argv[1])
began = time.perf_counter()
export_batch(catalogue, 1, sys.argv[2])
print(time.perf_counter() - began, peak())
"""
"""The export runs in a process of its own, so that the peak memory is its own. It prints two numbers."""


def _day(month: int, day: int) -> datetime:
    return datetime(2026, month, day, tzinfo=UTC)


SELECTIONS: Mapping[str, PublishedFilter] = {
    "newest first": PublishedFilter(),
    "of a profile": PublishedFilter(profile="profile-2"),
    "of a profile, in a time": PublishedFilter(profile="profile-2", since=_day(6, 1), until=_day(7, 1)),
    "by a prefix": PublishedFilter(prefix="library/05"),
    "of a profile, by a prefix": PublishedFilter(profile="profile-2", prefix="library/05"),
    "by a prefix, in a month": PublishedFilter(prefix="library/05", since=_day(6, 1), until=_day(7, 1)),
    "by a prefix, in a night": PublishedFilter(prefix="library/0", since=_day(6, 1), until=_day(6, 2)),
}
"""Times run from the beginning of 2026, a rendition every 31 s; keys are library/0000/ to library/0996/."""


@dataclass(frozen=True)
class Figures:
    """The figures: seconds, bytes, counts.

    Attributes:
        pages: by selection, the median and the longest time of a page of 50 rows.
        export_memory: largest resident memory of the process that exports.
    """

    renditions: int
    exported: int
    fill_seconds: float
    database_bytes: int
    pages: Mapping[str, tuple[float, float]]
    export_seconds: float
    export_memory: int


def measure(renditions: int, exported: int, say: Callable[[str], None]) -> Figures:
    """Fill a SQLite catalogue of its own, page through it, export one run of it."""
    with tempfile.TemporaryDirectory(prefix="benchmark-catalogue-") as folder:
        file = Path(folder) / "catalogue.db"
        say(f"filling a catalogue with {renditions:,} renditions")
        began = time.perf_counter()
        catalogue = open_catalogue(f"sqlite:///{file}")
        fill(catalogue, renditions, min(exported, renditions))
        filled = time.perf_counter() - began
        say("reading pages")
        pages = {name: _page_times(catalogue, wanted) for name, wanted in SELECTIONS.items()}
        catalogue.close()
        say(f"exporting {exported:,} rows")
        command = [sys.executable, "-c", _EXPORT, f"sqlite:///{file}", folder]
        ran = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds, memory = ran.stdout.split()
        return Figures(renditions, exported, filled, file.stat().st_size, pages, float(seconds), int(memory))


def _page_times(catalogue: Catalogue, wanted: PublishedFilter) -> tuple[float, float]:
    times, after = [], None
    for _ in range(PAGES):
        began = time.perf_counter()
        with catalogue.read() as connection:
            one = page(connection, wanted, after=after)
        times.append(time.perf_counter() - began)
        after = one.after
        if after is None:
            break
    return statistics.median(times), max(times)


def summary(figures: Figures) -> list[str]:
    """Return the figures as lines of text."""
    lines = [
        f"{figures.renditions:,} renditions: {figures.database_bytes / 2**20:,.0f} MiB on disk, "
        f"filled in {figures.fill_seconds:.0f} s",
        "",
        f"{'a page of 50 rows of the published view, ms':<50}{'median':>10}{'longest':>10}",
    ]
    lines += [f"{name:<50}{1000 * mid:>10.1f}{1000 * top:>10.1f}" for name, (mid, top) in figures.pages.items()]
    lines += [
        "",
        f"Parquet export of {figures.exported:,} rows: {figures.export_seconds:.1f} s, "
        f"{figures.export_memory / 2**20:.0f} MiB resident at most",
    ]
    return lines


def as_json(figures: Figures) -> dict[str, Any]:
    """Return the figures for the last line."""
    return asdict(figures)
