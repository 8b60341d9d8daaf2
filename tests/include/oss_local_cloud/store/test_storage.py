"""Blobs and database together: sweeping, schema version, group commit."""

from __future__ import annotations

import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from oss_local_cloud.store.object_store import LocalObjectStore
from oss_local_cloud.store.staged_content import MAX_IN_MEMORY_BYTES
from oss_local_cloud.store.storage import SchemaVersionMismatch
from tests.include.oss_local_cloud.store.stored_content import files, put, staged


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


def test_the_tables_of_another_version_are_refused(tmp_path: Path):
    LocalObjectStore(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "objects.db")
    connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(SchemaVersionMismatch, match="version 1"):
        LocalObjectStore(tmp_path)
