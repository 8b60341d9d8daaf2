"""Buckets of the store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from oss_local_cloud.interfaces import NoSuchBucket
from oss_local_cloud.store.buckets import BucketNotEmpty
from oss_local_cloud.store.object_rows import ObjectAttributes
from oss_local_cloud.store.object_store import LocalObjectStore
from oss_local_cloud.store.staged_content import StagedContent

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
