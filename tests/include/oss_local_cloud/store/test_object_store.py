"""The object store by itself: durability, sweeping, listing order."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from oss_local_cloud.interfaces import NoSuchBucket, NoSuchKey
from oss_local_cloud.store.buckets import BucketNotEmpty
from oss_local_cloud.store.checksums import Checksums
from oss_local_cloud.store.object_rows import ObjectAttributes
from oss_local_cloud.store.object_store import LocalObjectStore
from oss_local_cloud.store.objects import ObjectExists
from oss_local_cloud.store.staged_content import MAX_IN_MEMORY_BYTES, StagedContent

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


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def test_checksums_are_the_standard_ones():
    sums = Checksums()
    sums.update(b"12345")
    sums.update(b"6789")
    assert sums.crc64 == 0x995DC9BBDF1939FA  # the check value of CRC-64/XZ
    assert sums.etag == "25F9E794323B453885F5181F1B624D0B"
    assert sums.size == 9


def test_an_object_keeps_what_it_was_given(store: LocalObjectStore):
    attributes = ObjectAttributes("audio/mpeg", {"cache-control": "no-cache"}, {"a": "1"}, {"k": "v"})
    written = store.put("music", "in/a b 中.mp3", staged(store, b"hello"), attributes)
    read = store.head("music", "in/a b 中.mp3")
    assert read == written
    assert read.path.read_bytes() == b"hello"
    assert (read.etag, read.size) == (hashlib.md5(b"hello").hexdigest().upper(), 5)
    assert (read.content_type, read.tags, read.metadata) == ("audio/mpeg", {"k": "v"}, {"a": "1"})
    assert read.last_modified.isoformat() == "2023-11-14T22:13:20+00:00"


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


def test_overwriting_and_deleting_leave_one_file_for_each_object(store: LocalObjectStore, tmp_path: Path):
    put(store, "a", b"one")
    put(store, "a", b"two")
    put(store, "b")
    store.delete("music", ["b", "never there"])
    assert store.head("music", "a").path.read_bytes() == b"two"
    assert len(files(tmp_path / "data" / "blobs")) == 1


def test_an_open_reader_survives_an_overwrite(store: LocalObjectStore):
    put(store, "a", b"old")
    with store.head("music", "a").path.open("rb") as reader:
        put(store, "a", b"new")
        assert reader.read() == b"old"


def test_a_copy_outlives_its_source(store: LocalObjectStore):
    put(store, "a", b"content")
    copy = store.copy(store.head("music", "a"), "music", "b", TEXT)
    store.delete("music", ["a"])
    assert copy.path.read_bytes() == b"content"
    assert store.head("music", "b").etag == copy.etag


def test_copying_a_source_that_went_away_is_no_such_key(store: LocalObjectStore):
    put(store, "a", b"content")
    source = store.head("music", "a")
    put(store, "a", b"newer")
    with pytest.raises(NoSuchKey):
        store.copy(source, "music", "b", TEXT)


def test_a_copy_from_an_event_loop_is_as_one_from_a_thread(store: LocalObjectStore):
    put(store, "a", b"content")
    source = store.head("music", "a")
    copy = asyncio.run(store.copy_async(source, "music", "b", TEXT))
    assert copy == store.copy(source, "music", "b", TEXT)._replace(file=copy.file)
    assert asyncio.run(store.copy_async(source, "music", "b", TEXT)).path.read_bytes() == b"content"
    put(store, "a", b"newer")
    with pytest.raises(NoSuchKey):
        asyncio.run(store.copy_async(source, "music", "b", TEXT))
    with pytest.raises(NoSuchBucket):
        asyncio.run(store.copy_async(store.head("music", "a"), "nowhere", "b", TEXT))


@pytest.mark.parametrize("size", [10, MAX_IN_MEMORY_BYTES + 1])
def test_a_file_with_as_many_names_as_it_may_have_is_copied(
    store: LocalObjectStore, monkeypatch: pytest.MonkeyPatch, size: int
):
    content = bytes(size)
    put(store, "a", content)

    def refuse(source: Path, link: Path) -> None:
        raise OSError(errno.EMLINK, "Too many links")

    monkeypatch.setattr("os.link", refuse)
    source = store.head("music", "a")
    copies = [store.copy(source, "music", "b", TEXT), asyncio.run(store.copy_async(source, "music", "c", TEXT))]
    moved = store.scratch() / "rendition"
    moved.write_bytes(content)
    copies.append(store.put_file("music", "d", moved, content_type="audio/mpeg"))
    for copy in copies:
        assert copy.path.read_bytes() == content
        assert (copy.etag, copy.crc64, copy.size) == (source.etag, source.crc64, size)
        assert store.head("music", copy.key).etag == source.etag


def test_a_refused_overwrite_changes_nothing(store: LocalObjectStore, tmp_path: Path):
    put(store, "a", b"first")
    with pytest.raises(ObjectExists):
        put(store, "a", b"second", overwrite=False)
    assert store.head("music", "a").path.read_bytes() == b"first"
    assert len(files(tmp_path / "data" / "blobs")) == 1


def test_a_file_moves_in_from_the_scratch_directory(store: LocalObjectStore):
    source = store.scratch() / "rendition"
    source.write_bytes(b"audio")
    info = store.put_file("music", "out.mp3", source, content_type="audio/mpeg")
    assert not source.exists()
    assert info.path.read_bytes() == b"audio"
    assert info.content_type == "audio/mpeg"


def test_a_file_for_a_missing_bucket_stays_where_it_is(store: LocalObjectStore):
    source = store.scratch() / "rendition"
    source.write_bytes(b"audio")
    with pytest.raises(NoSuchBucket):
        store.put_file("nowhere", "out.mp3", source, content_type="audio/mpeg")
    assert source.read_bytes() == b"audio"


def test_missing_things_are_told_apart(store: LocalObjectStore):
    with pytest.raises(NoSuchKey):
        store.head("music", "a")
    with pytest.raises(NoSuchBucket):
        store.head("nowhere", "a")
    with pytest.raises(NoSuchBucket):
        store.delete("nowhere", ["a"])
    with pytest.raises(NoSuchKey):
        store.set_tags("music", "a", {"k": "v"})
    with pytest.raises(NoSuchBucket):
        store.imm_project("nowhere")


def test_buckets_are_bound_only_when_they_are_given_a_project(store: LocalObjectStore):
    assert store.imm_project("music") is None
    store.create_bucket("music", imm_project="local-imm")
    store.create_bucket("music")
    assert store.imm_project("music") == "local-imm"


def test_only_an_empty_bucket_is_deleted(store: LocalObjectStore):
    put(store, "a")
    with pytest.raises(BucketNotEmpty):
        store.delete_bucket("music")
    store.delete("music", ["a"])
    store.delete_bucket("music")
    with pytest.raises(NoSuchBucket):
        store.bucket("music")


def test_opening_sweeps_what_was_never_acknowledged(tmp_path: Path):
    first = LocalObjectStore(tmp_path)
    first.create_bucket("music")
    put(first, "kept", b"kept")
    unfinished = first.stage()
    unfinished.write(b"half" * MAX_IN_MEMORY_BYTES)
    staged(first, b"flushed, never committed").finish()
    (first.scratch() / "left over").write_bytes(b"x")
    assert len(files(tmp_path / "blobs")) == 3
    first.close()

    second = LocalObjectStore(tmp_path)
    assert second.head("music", "kept").path.read_bytes() == b"kept"
    assert len(files(tmp_path / "blobs")) == 1
    assert files(tmp_path / "scratch") == []
    put(second, "after", b"after")
    assert second.head("music", "after").path != second.head("music", "kept").path
    second.close()


def test_concurrent_writers_share_commits_and_keep_every_object(store: LocalObjectStore):
    keys = [f"k{number:03}" for number in range(200)]
    barrier = threading.Barrier(8)

    def work(part: list[str]) -> None:
        barrier.wait()
        for key in part:
            put(store, key, key.encode())

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, [keys[at::8] for at in range(8)]))
    page = store.list("music", prefix="", delimiter="", after="", limit=1000)
    assert [entry.key for entry in page.objects] == keys
    assert all(store.head("music", key).path.read_bytes() == key.encode() for key in keys)


KEYS = st.lists(st.text(alphabet="ab/中\U0001f3b5", min_size=1, max_size=6), unique=True, max_size=25)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    keys=KEYS,
    prefix=st.text(alphabet="ab/中", max_size=2),
    delimiter=st.sampled_from(["", "/", "a/", "中"]),
    limit=st.integers(1, 4),
)
def test_pages_together_are_the_whole_listing_in_byte_order(
    store: LocalObjectStore, keys: list[str], prefix: str, delimiter: str, limit: int
):
    existing = store.list("music", prefix="", delimiter="", after="", limit=1000)
    store.delete("music", [entry.key for entry in existing.objects])
    for key in keys:
        put(store, key)
    listed: list[str] = []
    after: str | None = ""
    while after is not None:
        page = store.list("music", prefix=prefix, delimiter=delimiter, after=after, limit=limit)
        entries = [entry.key for entry in page.objects] + page.common_prefixes
        assert len(entries) <= limit
        listed += sorted(entries, key=str.encode)
        after = page.next_after
        assert after is None or after == listed[-1]
    assert listed == expected_listing(keys, prefix, delimiter)


def expected_listing(keys: list[str], prefix: str, delimiter: str) -> list[str]:
    entries = set()
    for key in keys:
        if key.startswith(prefix):
            at = key.find(delimiter, len(prefix)) if delimiter else -1
            entries.add(key if at < 0 else key[: at + len(delimiter)])
    return sorted(entries, key=str.encode)
