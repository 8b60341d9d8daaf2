"""Blobs: the files with the content of objects, named independently of keys.

A blob is written and flushed under its final name, its directory is flushed, and only then the database
commits the row that names it. Consecutive blobs share a directory, a *group*, so that one flush serves many.
A group is *sealed* when it gets no new blobs and each of its blobs was committed or removed. The database records
sealed groups. Only unsealed groups can hold files of writes that were never acknowledged, so the cost of opening the
store grows with the last writes and not with the stored bytes.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections import Counter
from collections.abc import Collection
from pathlib import Path

BLOBS_PER_GROUP = 4096
"""Blobs in one directory."""


class Blobs:
    """The files below one data directory.

    A blob is named `EPOCH-GROUP/NUMBER`; the epoch is new each time the directory is opened, so no name is
    ever used twice.
    """

    def __init__(self, root: Path) -> None:
        self._directory = root / "blobs"
        self.scratch = root / "scratch"
        shutil.rmtree(self.scratch, ignore_errors=True)
        for directory in (self._directory, self.scratch):
            directory.mkdir(parents=True, exist_ok=True)
        sync_directory(root)
        self._epoch = max((int(group.split("-")[0], 16) for group in self.groups()), default=0) + 1
        self._count = 0
        self._lock = threading.Lock()
        self._unsettled: Counter[str] = Counter()
        self._filled: set[str] = set()
        self._unsynced: set[str] = set()
        self._kept: set[str] = set()

    def path(self, name: str) -> Path:
        """The file of the blob `name`."""
        return self._directory / name

    def new(self) -> str:
        """A new name in a directory that exists. `keep` or `withdraw` must follow."""
        with self._lock:
            number = self._count
            self._count += 1
            group = f"{self._epoch:06x}-{number // BLOBS_PER_GROUP:06x}"
            self._unsettled[group] += 1
            if number % BLOBS_PER_GROUP == 0:
                self.path(group).mkdir()
                sync_directory(self._directory)
            if number % BLOBS_PER_GROUP == BLOBS_PER_GROUP - 1:
                self._filled.add(group)
        return f"{group}/{number:08x}"

    def keep(self, name: str) -> None:
        """Add a flushed blob to those of the next commit. `sync` precedes that commit, `settle` follows it."""
        with self._lock:
            self._unsynced.add(_group(name))
            self._kept.add(name)

    def sync(self) -> None:
        """Flush the directories of the blobs of the next commit."""
        with self._lock:
            groups, self._unsynced = self._unsynced, set()
        for group in groups:
            sync_directory(self.path(group))

    def settle(self) -> None:
        """Record that the blobs of the last commit are committed."""
        with self._lock:
            kept, self._kept = self._kept, set()
            for name in kept:
                self._unsettled[_group(name)] -= 1

    def withdraw(self, name: str) -> None:
        """Remove a blob that was never committed."""
        self.remove(name)
        with self._lock:
            self._kept.discard(name)
            self._unsettled[_group(name)] -= 1

    def remove(self, name: str) -> None:
        """Remove a blob's file; open descriptors stay readable. A missing file is no error."""
        self.path(name).unlink(missing_ok=True)

    def sealable(self, *, closing: bool = False) -> list[str]:
        """The groups that can be sealed now; each group is returned once. `closing`: no more blobs will be created."""
        with self._lock:
            candidates = set(self._unsettled) if closing else self._filled
            ready = [group for group in candidates if self._unsettled[group] == 0]
            for group in ready:
                del self._unsettled[group]
                self._filled.discard(group)
        return ready

    def groups(self) -> list[str]:
        """The names of all groups."""
        return [entry.name for entry in self._directory.iterdir()]

    def names(self, groups: Collection[str]) -> set[str]:
        """All blobs in these groups."""
        return {f"{group}/{file.name}" for group in groups for file in self.path(group).iterdir()}


def _group(name: str) -> str:
    return name.partition("/")[0]


def sync_file(path: Path) -> None:
    """Flush a file that is not open here."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_directory(directory: Path) -> None:
    """Flush the entries of a directory."""
    sync_file(directory)
