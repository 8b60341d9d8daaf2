"""The content of objects: immutable files whose names say nothing about keys.

A blob is written and flushed under `incoming/`, linked into `blobs/`, and named by the database's next
commit; then its first name is removed. Whatever still has a name under `incoming/` when the store opens was
never acknowledged and is swept, unless the commit was made. So opening costs as much as was in flight, not
as much as is stored.
"""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

PER_DIRECTORY = 4096
"""Blobs in one directory: consecutive ones share a directory, so that one flush of it serves many."""


class Blobs:
    """The files below one data directory.

    A blob is named `EPOCH-GROUP/NUMBER`; the epoch is new each time the directory is opened, so no name is
    ever used twice.
    """

    def __init__(self, root: Path) -> None:
        self._blobs = root / "blobs"
        self._incoming = root / "incoming"
        self.scratch = root / "scratch"
        shutil.rmtree(self.scratch, ignore_errors=True)
        for directory in (self._blobs, self._incoming, self.scratch):
            directory.mkdir(parents=True, exist_ok=True)
        sync_directory(root)
        used = [entry.name.split("-")[0] for entry in (*self._blobs.iterdir(), *self._incoming.iterdir())]
        self._epoch = max((int(epoch, 16) for epoch in used), default=0) + 1
        self._count = 0
        self._lock = threading.Lock()
        self._unsynced: set[Path] = set()

    def path(self, name: str) -> Path:
        """The file of the blob called `name`."""
        return self._blobs / name

    def incoming(self) -> tuple[str, Path]:
        """A fresh blob name, and the path at which its content is to be written."""
        with self._lock:
            number = self._count
            self._count += 1
        group = f"{self._epoch:06x}-{number // PER_DIRECTORY:06x}"
        return f"{group}/{number:08x}", self._incoming / f"{group}.{number:08x}"

    def link(self, name: str, source: Path) -> None:
        """Give the flushed file `source` the name of a blob; durable after the next `sync_directories`."""
        target = self.path(name)
        try:
            os.link(source, target)
        except FileNotFoundError:
            target.parent.mkdir(exist_ok=True)
            sync_directory(self._blobs)
            os.link(source, target)
        with self._lock:
            self._unsynced.add(target.parent)

    def sync_directories(self) -> None:
        """Flush every directory that got a new name since the last call."""
        with self._lock:
            directories, self._unsynced = self._unsynced, set()
        for directory in directories:
            sync_directory(directory)

    def remove(self, name: str) -> None:
        """Remove a blob; open readers keep what they read. A blob that is gone already is no error."""
        self.path(name).unlink(missing_ok=True)

    def unfinished(self) -> set[str]:
        """Names of the blobs whose writes an earlier process did not finish; some may be committed."""
        return {left.name.replace(".", "/", 1) for left in self._incoming.iterdir()}

    def sweep(self, uncommitted: set[str]) -> None:
        """Remove the blobs that were never committed, and what is left under `incoming/`."""
        for name in uncommitted:
            self.remove(name)
        for left in self._incoming.iterdir():
            left.unlink()


def write_flushed(path: Path, content: bytes) -> None:
    """Write a new file and flush it to the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    try:
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Flush a file somebody else has written."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Flush the names in a directory."""
    sync_file(directory)
