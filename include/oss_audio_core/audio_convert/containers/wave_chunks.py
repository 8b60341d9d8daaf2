"""The chunks of a wav file: RIFF, and RF64 or BW64 for files over 4 GiB (EBU Tech 3306, ITU-R BS.2088)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from oss_audio_core.audio_convert.containers.promise import Promise, is_placeholder, promise_of

_MOST_CHUNKS = 1000
_UNKNOWN_LENGTH = 0xFFFFFFFF
_HEADER = struct.Struct("<4sI")
_FARTHEST_SKIP = 1 << 40

_EXTENSIBLE = struct.Struct("<HH8xHH2xH4x16s")
_EXTENSIBLE_TAG = 0xFFFE
_VALID_BITS_AT = 18
_PCM_SUBFORMAT = bytes.fromhex("0100000000001000800000aa00389b71")
_LARGEST_BITS = 32


class Chunk(NamedTuple):
    """One chunk.

    Attributes:
        name: its four bytes.
        start: position of its body in the file.
        length: bytes of the body as declared, which may be more than the file has. Of a data chunk without a 32-bit
            length it is ds64's.
        is_long: whether the length is ds64's.
    """

    name: bytes
    start: int
    length: int
    is_long: bool = False

    @property
    def is_open(self) -> bool:
        """Whether the length stands for an unknown one, as writers to a pipe leave it."""
        return not self.length if self.is_long else is_placeholder(self.length)


def wave_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """The chunks in their order, 1000 at most; none where the file is no wav file.

    Bodies are not read, except for that of ds64. The caller may move the file's position between two chunks.

    Args:
        file: seekable, at any position.
    """
    file.seek(0)
    head = file.read(12)
    if head[:4] not in (b"RIFF", b"RF64", b"BW64") or head[8:] != b"WAVE":
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
        is_long = name == b"data" and length == _UNKNOWN_LENGTH and long_length is not None
        if is_long and long_length is not None:
            length = long_length
        yield Chunk(name, start, length, is_long)
        # A chunk may claim more than any file system can seek to.
        at = start + min(length + length % 2, _FARTHEST_SKIP)


def wave_promise(file: BinaryIO) -> Promise | None:
    """What the data chunk promises; None where there is none, or where its length was left open.

    Args:
        file: seekable, at any position; the position is moved.
    """
    data = next((chunk for chunk in wave_chunks(file) if chunk.name == b"data"), None)
    return None if data is None or data.is_open else promise_of(file, data.start, data.length)


def has_unused_bits(file: BinaryIO) -> bool:
    """Whether samples are integers of 32 bits of which fewer are valid, as editors write 24 bits in 32.

    FFmpeg takes the valid bits for the size of a sample, or for CoolEdit's floating-point form, and decodes noise.

    Args:
        file: seekable, at any position; the position is moved.
    """
    fmt = next((chunk for chunk in wave_chunks(file) if chunk.name == b"fmt "), None)
    if fmt is None or fmt.length < _EXTENSIBLE.size:
        return False
    file.seek(fmt.start)
    fields = file.read(_EXTENSIBLE.size)
    if len(fields) < _EXTENSIBLE.size:
        return False
    tag, channels, block, bits, valid, subformat = _EXTENSIBLE.unpack(fields)
    is_pcm = tag == _EXTENSIBLE_TAG and subformat == _PCM_SUBFORMAT
    is_whole = bits == _LARGEST_BITS and block == channels * bits // 8
    return bool(is_pcm and is_whole and 0 < valid < bits)


def valid_bits_position(file: BinaryIO) -> int:
    """Where a wav file with `has_unused_bits` states the valid bits of a sample, in two bytes."""
    return next(chunk.start for chunk in wave_chunks(file) if chunk.name == b"fmt ") + _VALID_BITS_AT
