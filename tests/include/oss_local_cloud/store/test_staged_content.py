"""Content on its way into the store."""

from __future__ import annotations

from oss_local_cloud.store.object_store import LocalObjectStore
from oss_local_cloud.store.staged_content import FLUSH_INTERVAL_BYTES
from tests.include.oss_local_cloud.store.stored_content import TEXT, put


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
