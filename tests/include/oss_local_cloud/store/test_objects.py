"""Objects of the store: put, copy, link, restore, delete."""

from __future__ import annotations

import asyncio
import errno
import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from oss_local_cloud.interfaces import NoSuchBucket, NoSuchKey, SymlinkTargetMissing, SymlinkToSymlink
from oss_local_cloud.store.object_rows import ObjectAttributes
from oss_local_cloud.store.object_store import LocalObjectStore
from oss_local_cloud.store.objects import ObjectExists
from oss_local_cloud.store.staged_content import MAX_IN_MEMORY_BYTES
from tests.include.oss_local_cloud.store.stored_content import TEXT, files, put, staged


def test_an_object_keeps_what_it_was_given(store: LocalObjectStore):
    attributes = ObjectAttributes("audio/mpeg", {"cache-control": "no-cache"}, {"a": "1"}, {"k": "v"})
    written = store.put("music", "in/a b 中.mp3", staged(store, b"hello"), attributes)
    read = store.head("music", "in/a b 中.mp3")
    assert read == written
    assert read.path.read_bytes() == b"hello"
    assert (read.etag, read.size) == (hashlib.md5(b"hello").hexdigest().upper(), 5)
    assert (read.content_type, read.tags, read.metadata) == ("audio/mpeg", {"k": "v"}, {"a": "1"})
    assert read.last_modified.isoformat() == "2023-11-14T22:13:20+00:00"


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


def test_a_missing_bucket_and_a_missing_key_are_different_errors(store: LocalObjectStore):
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
