"""Blob files and their sealed groups."""

from __future__ import annotations

from pathlib import Path

import pytest

from oss_local_cloud.store import blobs
from oss_local_cloud.store.object_store import LocalObjectStore
from tests.include.oss_local_cloud.store.stored_content import TEXT, staged


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
