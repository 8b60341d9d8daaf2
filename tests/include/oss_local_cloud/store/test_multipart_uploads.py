"""Multipart uploads of the store."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from oss_local_cloud.interfaces import NoSuchBucket
from oss_local_cloud.store.buckets import BucketNotEmpty
from oss_local_cloud.store.checksums import Checksums
from oss_local_cloud.store.multipart_uploads import MIN_PART_BYTES, InvalidPart, NoSuchUpload, Part, PartTooSmall
from oss_local_cloud.store.object_rows import ObjectAttributes
from oss_local_cloud.store.object_store import LocalObjectStore
from oss_local_cloud.store.staged_content import MAX_IN_MEMORY_BYTES
from tests.include.oss_local_cloud.store.stored_content import TEXT, staged


async def put_part(store: LocalObjectStore, upload: str, number: int, content: bytes) -> Part:
    return await store.uploads.put_part("music", "x", upload, number, staged(store, content))


def files(store: LocalObjectStore) -> int:
    return sum(path.is_file() for path in (store.scratch().parent / "blobs").rglob("*"))


def sums_of(content: bytes) -> Checksums:
    sums = Checksums()
    sums.update(content)
    return sums


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
