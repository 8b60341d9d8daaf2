"""Buckets of the store."""

from __future__ import annotations

import pytest

from oss_local_cloud.interfaces import NoSuchBucket
from oss_local_cloud.store.buckets import BucketNotEmpty
from oss_local_cloud.store.object_store import LocalObjectStore
from tests.include.oss_local_cloud.store.stored_content import put


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
