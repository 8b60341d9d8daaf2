"""A streamed object comes back unchanged, and its memory is measured."""

from __future__ import annotations

from pathlib import Path

from benchmarks.object_api import BUCKET
from benchmarks.streamed_object import measure_memory


def test_a_streamed_object_comes_back_unchanged(tmp_path: Path):
    memory = measure_memory(tmp_path / "data", BUCKET, 3_000_001)
    assert 0 < memory.idle <= memory.peak
