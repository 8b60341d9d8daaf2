"""A store with one bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from oss_local_cloud.store.object_store import LocalObjectStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalObjectStore]:
    """A store in `data`, with the bucket `music` and a clock that stands still."""
    opened = LocalObjectStore(tmp_path / "data", clock=lambda: 1_700_000_000.9)
    opened.create_bucket("music")
    yield opened
    opened.close()
