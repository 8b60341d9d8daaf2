"""Content as tests bring it into a store, and the files that a store keeps."""

from __future__ import annotations

from pathlib import Path

from oss_local_cloud.store.object_rows import ObjectAttributes
from oss_local_cloud.store.object_store import LocalObjectStore
from oss_local_cloud.store.staged_content import StagedContent

TEXT = ObjectAttributes("text/plain")


def staged(store: LocalObjectStore, content: bytes) -> StagedContent:
    """Content that is written and not committed."""
    taken = store.stage()
    taken.write(content)
    return taken


def put(store: LocalObjectStore, key: str, content: bytes = b"x", **settings: bool) -> None:
    """Put an object into the bucket `music`."""
    store.put("music", key, staged(store, content), TEXT, **settings)


def files(directory: Path) -> list[Path]:
    """All files below a directory."""
    return [path for path in directory.rglob("*") if path.is_file()]
