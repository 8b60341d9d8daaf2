"""Uploads, appends and sealed groups of the object store by itself."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import oss2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_local_cloud.interfaces import NoSuchBucket, SymlinkTargetMissing, SymlinkToSymlink
from oss_local_cloud.store import blobs
from oss_local_cloud.store.appends import NotAppendable, PositionMismatch
from oss_local_cloud.store.buckets import BucketNotEmpty
from oss_local_cloud.store.checksums import Checksums, combine_crc64
from oss_local_cloud.store.multipart_uploads import MIN_PART_BYTES, InvalidPart, NoSuchUpload, Part, PartTooSmall
from oss_local_cloud.store.object_rows import ObjectAttributes
from oss_local_cloud.store.object_store import LocalObjectStore
from oss_local_cloud.store.staged_content import FLUSH_INTERVAL_BYTES, MAX_IN_MEMORY_BYTES, StagedContent
from oss_local_cloud.store.storage import SchemaVersionMismatch

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


async def put_part(store: LocalObjectStore, upload: str, number: int, content: bytes) -> Part:
    return await store.uploads.put_part("music", "x", upload, number, staged(store, content))


def files(store: LocalObjectStore) -> int:
    return sum(path.is_file() for path in (store.scratch().parent / "blobs").rglob("*"))


def sums_of(content: bytes) -> Checksums:
    sums = Checksums()
    sums.update(content)
    return sums


@given(first=st.binary(max_size=300), second=st.binary(max_size=300), zeros=st.integers(0, 1 << 40))
def test_crc64_of_two_texts_is_combined_as_the_sdk_combines_it(first: bytes, second: bytes, zeros: int):
    one, two = sums_of(first), sums_of(second)
    assert combine_crc64(one.crc64, two.crc64, len(second)) == sums_of(first + second).crc64
    combine = oss2.crc64_combine.mkCombineFun(0x142F0E1EBA9EA3693, 0, True, 0xFFFFFFFFFFFFFFFF)
    assert combine_crc64(one.crc64, two.crc64, zeros + 1) == combine(one.crc64, two.crc64, zeros + 1)


async def test_parts_make_one_object_and_one_file(store: LocalObjectStore):
    upload = store.uploads.begin("music", "x", ObjectAttributes("audio/flac", metadata={"a": "1"}))
    contents = [b"a" * MIN_PART_BYTES, b"b" * MIN_PART_BYTES, b"c"]
    parts = [await put_part(store, upload, number, content) for number, content in enumerate(contents, 1)]
    info = store.uploads.complete("music", "x", upload, [(part.number, part.etag) for part in parts])
    whole = b"".join(contents)
    assert info == store.head("music", "x")
    assert (info.size, info.crc64, info.path.read_bytes()) == (len(whole), sums_of(whole).crc64, whole)
    digest = hashlib.md5(b"".join(hashlib.md5(content).digest() for content in contents)).hexdigest().upper()
    assert (info.etag, info.has_md5_etag) == (f"{digest}-3", False)
    assert (info.object_type, info.metadata) == ("Multipart", {"a": "1"})
    assert files(store) == 1
    assert store.uploads.count("music") == 0
    with pytest.raises(NoSuchUpload):
        store.uploads.find("music", "x", upload)


async def test_what_cannot_be_completed_leaves_the_upload(store: LocalObjectStore):
    upload = store.uploads.begin("music", "x", TEXT)
    small = await put_part(store, upload, 1, b"small")
    last = await put_part(store, upload, 2, b"last")
    before = files(store)
    with pytest.raises(PartTooSmall):
        store.uploads.complete("music", "x", upload, None)
    for chosen in ([(3, small.etag)], [(1, last.etag)]):
        with pytest.raises(InvalidPart):
            store.uploads.complete("music", "x", upload, chosen)
    with pytest.raises(NoSuchUpload):
        store.uploads.complete("music", "other", upload, None)
    assert files(store) == before == 2
    assert [part.number for part in store.uploads.parts(upload)] == [1, 2]
    with pytest.raises(BucketNotEmpty):
        store.delete_bucket("music")
    store.uploads.abort("music", "x", upload)
    assert files(store) == 0
    store.delete_bucket("music")
    with pytest.raises(NoSuchBucket):
        store.uploads.begin("music", "x", TEXT)


async def test_a_part_for_no_upload_is_discarded(store: LocalObjectStore):
    with pytest.raises(NoSuchUpload):
        await put_part(store, "never", 1, b"x" * (MAX_IN_MEMORY_BYTES + 1))
    assert files(store) == 0


async def test_an_upload_is_completed_once(store: LocalObjectStore):
    upload = store.uploads.begin("music", "x", TEXT)
    for number in range(1, 4):
        await put_part(store, upload, number, bytes([number]) * MIN_PART_BYTES)

    def complete(_: int) -> bool:
        try:
            store.uploads.complete("music", "x", upload, None)
        except NoSuchUpload:
            return False
        return True

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(complete, range(4))) == [False, False, False, True]
    assert files(store) == 1


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


def test_links_are_followed_once(store: LocalObjectStore):
    store.put("music", "target", staged(store, b"content"), TEXT)
    store.put_symlink("music", "link", "target", ObjectAttributes("audio/flac"))
    store.put_symlink("music", "far", "link", TEXT)
    store.put_symlink("music", "nowhere", "missing", TEXT)
    assert store.head("music", "link").path.read_bytes() == b"content"
    assert store.head("music", "link").content_type == "audio/flac"
    assert store.entry("music", "link").symlink_target == "target"
    with pytest.raises(SymlinkToSymlink):
        store.head("music", "far")
    with pytest.raises(SymlinkTargetMissing):
        store.head("music", "nowhere")
    store.delete("music", ["link", "far", "nowhere"])
    assert store.head("music", "target").size == 7


def test_an_archived_object_is_frozen_but_for_the_days_it_is_restored(store: LocalObjectStore):
    store.put("music", "x", staged(store, b"x"), ObjectAttributes("text/plain", storage_class="Archive"))
    days = [datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2, 3)]
    assert store.head("music", "x").is_frozen(days[0])
    store.set_restored("music", "x", days[0], days[2])
    restored = store.head("music", "x")
    assert [restored.is_frozen(day) for day in days] == [False, False, True]
    store.put("music", "x", staged(store, b"x"), ObjectAttributes("text/plain", storage_class="Archive"))
    assert store.head("music", "x").is_frozen(days[1])


def test_long_content_is_flushed_on_its_way(store: LocalObjectStore):
    block = bytes(1 << 20)
    taken = store.stage()
    for _ in range((FLUSH_INTERVAL_BYTES >> 20) + 1):
        taken.write(block)
    info = store.put("music", "x", taken, TEXT)
    assert info.size == info.path.stat().st_size == FLUSH_INTERVAL_BYTES + len(block)


def test_only_groups_that_are_not_sealed_are_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(blobs, "BLOBS_PER_GROUP", 4)
    first = LocalObjectStore(tmp_path)
    first.create_bucket("music")
    for number in range(6):
        first.put("music", f"k{number}", staged(first, b"x"), TEXT)
    sealed, unsealed = sorted((tmp_path / "blobs").iterdir())
    (sealed / "nobody's").write_bytes(b"in a sealed group")
    (unsealed / "nobody's").write_bytes(b"in a group of writes under way")
    first._storage.database.close()  # as when it is killed: what its end would do is not done
    second = LocalObjectStore(tmp_path)
    assert (sealed / "nobody's").exists()
    assert not (unsealed / "nobody's").exists()
    assert all(second.head("music", f"k{number}").path.read_bytes() == b"x" for number in range(6))
    second.close()
    (unsealed / "nobody's").write_bytes(b"after a clean end every group is sealed")
    LocalObjectStore(tmp_path).close()
    assert (unsealed / "nobody's").exists()


def test_the_tables_of_another_version_are_refused(tmp_path: Path):
    LocalObjectStore(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "objects.db")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(SchemaVersionMismatch, match="version 1"):
        LocalObjectStore(tmp_path)
