"""Content on its way into the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from oss_local_cloud.store.object_rows import ObjectAttributes
from oss_local_cloud.store.object_store import LocalObjectStore
from oss_local_cloud.store.staged_content import FLUSH_INTERVAL_BYTES, StagedContent

TEXT = ObjectAttributes("text/plain")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LocalObjectStore]:
    opened = LocalObjectStore(tmp_path / "data", clock=lambda: 1_700_000_000.9)
    opened.create_bucket("music")
    yield opened
    opened.close()


def staged(store: LocalObjectStore, content: bytes) -> StagedContent:
    taken = store.stage()
    taken.write(content)
    return taken


def put(store: LocalObjectStore, key: str, content: bytes = b"x", **settings: bool) -> None:
    store.put("music", key, staged(store, content), TEXT, **settings)


def test_content_staged_in_blocks_is_the_same_as_content_staged_whole(store: LocalObjectStore):
    taken = store.stage()
    taken.write(b"hel")
    taken.write(b"lo")
    taken.finish()
    in_blocks = store.put("music", "blocks", taken, TEXT)
    put(store, "whole", b"hello")
    whole = store.head("music", "whole")
    assert (in_blocks.etag, in_blocks.crc64, in_blocks.size) == (whole.etag, whole.crc64, whole.size)
    assert in_blocks.path.read_bytes() == b"hello"


def test_long_content_is_flushed_on_its_way(store: LocalObjectStore):
    block = bytes(1 << 20)
    taken = store.stage()
    for _ in range((FLUSH_INTERVAL_BYTES >> 20) + 1):
        taken.write(block)
    info = store.put("music", "x", taken, TEXT)
    assert info.size == info.path.stat().st_size == FLUSH_INTERVAL_BYTES + len(block)
