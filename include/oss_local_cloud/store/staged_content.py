"""Content that is being written: received in blocks, with running checksums, flushed before a row names it."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from oss_local_cloud.store.blobs import Blobs
from oss_local_cloud.store.checksums import BLOCK, Checksums

MAX_IN_MEMORY_BYTES = 64 << 10
"""Bytes of content that stays in memory until it is finished. Larger content is written to the disk as it arrives."""

FLUSH_INTERVAL_BYTES = 64 << 20
"""Bytes after which long content is flushed, so that the client doesn't wait for all of it at the end."""


class StagedContent:
    """Content that is written once, then given to the store or discarded.

    Content of up to MAX_IN_MEMORY_BYTES stays in memory until it is finished. The writer thread of the database may do
    that (`Storage.keep`), because so few bytes delay it little.
    """

    def __init__(self, blobs: Blobs) -> None:
        self.checksums = Checksums()
        self._blobs = blobs
        self._blob: str | None = None
        self._buffered: list[bytes] = []
        self._descriptor: int | None = None
        self._unflushed = 0
        self._finished = False

    @property
    def in_memory(self) -> bool:
        """Whether all of it is still in memory."""
        return self._blob is None

    @property
    def blob(self) -> str:
        """The name of its blob."""
        if self._blob is None:
            self._blob = self._blobs.new()
        return self._blob

    @property
    def path(self) -> Path:
        """The blob's file."""
        return self._blobs.path(self.blob)

    def write(self, block: bytes) -> None:
        """Append a block."""
        self.checksums.update(block)
        if self._descriptor is None and self.checksums.size <= MAX_IN_MEMORY_BYTES:
            self._buffered.append(block)
            return
        self._spill(block)

    def link(self, source: Path) -> None:
        """Use the bytes of a flushed file by a hard link. `checksums` stay empty.

        A file at the link limit of the file system is copied; `finish` flushes the copy.
        """
        try:
            os.link(source, self.path)
        except OSError as error:
            if error.errno != errno.EMLINK:
                raise
            self.copy(source, 0, source.stat().st_size)
        else:
            self._finished = True

    def join(self, sources: Sequence[Path]) -> None:
        """Concatenate the bytes of several flushed files. `checksums` stay empty."""
        if len(sources) == 1:
            self.link(sources[0])
            return
        with self.path.open("xb") as target:
            for source in sources:
                with source.open("rb") as file:
                    _send_file(file.fileno(), target.fileno())
            os.fsync(target.fileno())
        self._finished = True

    def copy(self, source: Path, start: int, length: int) -> None:
        """Append bytes of a file."""
        with source.open("rb") as file:
            file.seek(start)
            while length:
                block = file.read(min(BLOCK, length))
                if not block:
                    raise EOFError(f"{source} is shorter than the range to copy")
                self.write(block)
                length -= len(block)

    def append_to(self, path: Path, position: int) -> None:
        """Write the content into another blob's file behind `position`, and flush that."""
        with path.open("r+b") as target:
            target.truncate(position)  # a crash may have left bytes that were not acknowledged
            target.seek(position)
            if self._blob is None:
                target.writelines(self._buffered)
            else:
                with self.path.open("rb") as own:
                    shutil.copyfileobj(own, target, BLOCK)
            target.flush()
            os.fsync(target.fileno())

    def finish(self) -> None:
        """Write and flush all of it; nothing more can be written. Idempotent."""
        if self._finished:
            return
        self._spill(b"")
        assert self._descriptor is not None  # noqa: S101  # _spill has opened it
        os.fsync(self._descriptor)
        self._close()
        self._finished = True

    def discard(self) -> None:
        """Remove the content. Idempotent."""
        self._close()
        self._buffered.clear()
        self._finished = True
        if self._blob is not None:
            self._blobs.withdraw(self._blob)
            self._blob = None

    def _spill(self, block: bytes) -> None:
        if self._descriptor is None:
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
        pending = b"".join((*self._buffered, block)) if self._buffered else block
        self._buffered.clear()
        view = memoryview(pending)
        while view:
            view = view[os.write(self._descriptor, view) :]
        self._unflushed += len(pending)
        if self._unflushed >= FLUSH_INTERVAL_BYTES:
            os.fdatasync(self._descriptor)
            self._unflushed = 0

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@contextmanager
def discard_on_error(staged: StagedContent) -> Iterator[None]:
    """Discard the content on an error.

    A cancellation of the caller is no error: the writer thread may be committing the content.
    """
    try:
        yield
    except Exception:
        staged.discard()
        raise


def _send_file(source: int, target: int) -> None:
    """Append a whole file to another, without its bytes passing through this process."""
    position, size = 0, os.fstat(source).st_size
    while position < size:
        position += os.sendfile(target, source, position, size - position)
