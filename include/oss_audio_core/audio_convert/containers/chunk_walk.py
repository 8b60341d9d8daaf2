"""From chunk to chunk of a file, by the lengths in their headers."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

_MOST_CHUNKS = 1000
_FARTHEST = 1 << 40
"""Bytes: a chunk may claim more than any file system can seek to."""


@dataclass(frozen=True)
class Chunk:
    """A chunk of a file: where its content begins, and the length in its header, both in bytes."""

    start: int
    length: int


def find_chunk(
    file: BinaryIO, name: bytes, *, first: int, header: struct.Struct, distance: Callable[[int], int | None]
) -> Chunk | None:
    """The first chunk of a name; None: the file has none.

    Args:
        file: seekable, at any position; the position is moved.
        name: of the chunk.
        first: bytes before the first chunk.
        header: of a chunk: name and length.
        distance: bytes from the beginning of a chunk to that of the next one, by the length in its header; None: no
            other one follows.
    """
    at = first
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        read = file.read(header.size)
        if len(read) < header.size:
            return None
        found, length = header.unpack(read)
        if found == name:
            return Chunk(at + header.size, length)
        step = distance(length)
        if step is None:
            return None
        at += min(step, _FARTHEST)
    return None
