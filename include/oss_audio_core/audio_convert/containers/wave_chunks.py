"""The chunks of a wav file: RIFF, and RF64 for files over 4 GiB (EBU Tech 3306)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

STREAMED_BYTES = 0x7FFFF000
"""Writers to a pipe declare a data chunk of this length or more."""

_MOST_CHUNKS = 1000
_UNKNOWN_LENGTH = 0xFFFFFFFF
_HEADER = struct.Struct("<4sI")
_FARTHEST_SKIP = 1 << 40


class Chunk(NamedTuple):
    """One chunk.

    Attributes:
        name: its four bytes.
        start: position of its body in the file.
        length: bytes of the body as declared, which may be more than the file has. Of a data chunk without a 32-bit
            length it is ds64's.
    """

    name: bytes
    start: int
    length: int


def wave_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """The chunks in their order, 1000 at most; none where the file is no wav file.

    Bodies are not read, except for that of ds64. The caller may move the file's position between two chunks.

    Args:
        file: seekable, at any position.
    """
    file.seek(0)
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        return
    at = 12
    long_length: int | None = None
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return
        name, length = _HEADER.unpack(header)
        start = at + _HEADER.size
        if name == b"ds64" and len(lengths := file.read(min(length, 16))) == 16:
            long_length = struct.unpack_from("<Q", lengths, 8)[0]
        elif name == b"data" and length == _UNKNOWN_LENGTH and long_length is not None:
            length = long_length
        yield Chunk(name, start, length)
        # A chunk may claim more than any file system can seek to.
        at = start + min(length + length % 2, _FARTHEST_SKIP)
