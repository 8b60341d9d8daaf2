"""Pages of a long listing are full at each of its places."""

from __future__ import annotations

from pathlib import Path

from benchmarks.long_listing import PER_FOLDER, key_of, measure_pages
from benchmarks.object_api import BUCKET


def test_pages_are_full_wherever_they_are(tmp_path: Path):
    # A page that is not full raises; folds of ten keys make a page of a thousand entries of ten thousand keys.
    pages = measure_pages(tmp_path / "data", BUCKET, 20_000)
    assert len(pages) == 6
    assert key_of(0) < key_of(PER_FOLDER - 1) < key_of(PER_FOLDER) < key_of(10**7)
