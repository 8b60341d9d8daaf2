"""Appendable objects of the store."""

from __future__ import annotations

import pytest

from oss_local_cloud.interfaces import NoSuchBucket
from oss_local_cloud.store.appends import NotAppendable, PositionMismatch
from oss_local_cloud.store.checksums import Checksums
from oss_local_cloud.store.object_store import LocalObjectStore
from oss_local_cloud.store.staged_content import MAX_IN_MEMORY_BYTES
from tests.include.oss_local_cloud.store.stored_content import TEXT, staged


def files(store: LocalObjectStore) -> int:
    return sum(path.is_file() for path in (store.scratch().parent / "blobs").rglob("*"))


def sums_of(content: bytes) -> Checksums:
    sums = Checksums()
    sums.update(content)
    return sums


def test_appends_grow_one_file(store: LocalObjectStore):
    whole = b""
    for content in (b"one", b"", b"2" * (MAX_IN_MEMORY_BYTES + 1), b"three"):
        info = store.appends.append("music", "x", len(whole), staged(store, content), TEXT)
        whole += content
        assert info == store.head("music", "x")
        assert (info.size, info.crc64) == (len(whole), sums_of(whole).crc64)
    assert info.path.read_bytes() == whole
    assert files(store) == 1


def test_what_a_crash_left_behind_the_end_is_cut_off(store: LocalObjectStore):
    info = store.appends.append("music", "x", 0, staged(store, b"one"), TEXT)
    with info.path.open("ab") as file:
        file.write(b"a long text that was never acknowledged")
    info = store.appends.append("music", "x", 3, staged(store, b"two"), TEXT)
    assert info.path.read_bytes() == b"onetwo"


def test_impossible_appends_leave_no_file(store: LocalObjectStore):
    store.appends.append("music", "x", 0, staged(store, b"one"), TEXT)
    store.put("music", "normal", staged(store, b"one"), TEXT)
    with pytest.raises(PositionMismatch) as refused:
        store.appends.append("music", "x", 2, staged(store, b"2" * (MAX_IN_MEMORY_BYTES + 1)), TEXT)
    assert refused.value.length == 3
    with pytest.raises(NotAppendable):
        store.appends.append("music", "normal", 3, staged(store, b"x"), TEXT)
    with pytest.raises(NoSuchBucket):
        store.appends.append("nowhere", "x", 0, staged(store, b"x"), TEXT)
    assert files(store) == 2
