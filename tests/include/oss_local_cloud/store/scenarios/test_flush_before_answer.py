"""What a write flushes, and when: its file and its directory, before anybody can see the object."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from oss_local_cloud.interfaces import NoSuchKey
from oss_local_cloud.store.object_rows import ObjectAttributes
from oss_local_cloud.store.object_store import LocalObjectStore
from oss_local_cloud.store.staged_content import MAX_IN_MEMORY_BYTES


@pytest.mark.parametrize("size", [4096, MAX_IN_MEMORY_BYTES + 1])
def test_file_and_directory_are_flushed_before_the_object_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
):
    store = LocalObjectStore(tmp_path / "data")
    store.create_bucket("music")
    flushed: list[Path] = []
    seen_early: list[Path] = []
    really = os.fsync

    def fsync(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        try:
            store.head("music", "key")
            seen_early.append(path)
        except NoSuchKey:
            pass
        really(descriptor)
        flushed.append(path)

    monkeypatch.setattr(os, "fsync", fsync)
    content = store.stage()
    content.write(b"x" * size)
    written = store.put("music", "key", content, ObjectAttributes("text/plain"))
    blob = written.path
    assert blob in flushed
    assert blob.parent in flushed[flushed.index(blob) :], "the directory is flushed when the file is in it"
    assert seen_early == []
    assert store.head("music", "key").size == size
    store.close()
