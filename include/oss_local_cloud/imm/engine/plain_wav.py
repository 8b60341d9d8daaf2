"""Headers of plain wav files, read without a program.

Most sources are such files, and to start ffprobe for one costs as much as to encode half a second of it. Plain is
what leaves no question open: integer samples in one or two channels, a fmt chunk that agrees with itself, one data
chunk, and beside it only chunks that say nothing about the samples. Whatever else it is, ffprobe decides.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple

_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_BEGINNING = _CHUNK.size + _FORMAT.size
_PCM = 1
_CODECS = {8: "pcm_u8", 16: "pcm_s16le", 24: "pcm_s24le", 32: "pcm_s32le"}
_LEAST_HERTZ, _MOST_HERTZ = 1000, 384_000
_DESCRIBING = {
    **dict.fromkeys((b"JUNK", b"junk", b"PAD ", b"FLLR", b"iXML", b"id3 ", b"ID3 ", b"cue ", b"smpl", b"inst"), 0),
    b"LIST": 4,
    b"bext": 602,
}
"""Chunks that say nothing about the samples, and how many bytes FFmpeg reads of each, or refuses the file."""

_MOST_CHUNKS = 100
_STREAMED = 0x7FFFF000  # see promise.py
_AT_ONCE = 32 * 1024
_CODED_ANYWHERE = (
    b"\x7f\xfe\x80\x01",  # DTS, in four forms
    b"\xfe\x7f\x01\x80",
    b"\x1f\xff\xe8\x00",
    b"\xff\x1f\x00\xe8",
    b"\x72\xf8\x1f\x4e",  # IEC 61937, which carries any codec where samples are expected
    b"\xf8\x72\x4e\x1f",
)
_CODED_FROM_THE_START = ((0xFFFF, 0x0B77), (0xFFFF, 0x770B), (0xFFE0, 0xFFE0), (0xFFE0, 0x56E0))  # AC-3, MPEG, LOAS


class PlainWav(NamedTuple):
    """What the header says: FFmpeg's name of the codec, Hz, channels, bits per sample, and the length in seconds."""

    codec: str
    sample_rate: int
    channels: int
    bits: int
    seconds: float


def read(path: Path) -> PlainWav | None:
    """The header of a plain wav file; None for any other file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        head = os.pread(descriptor, _AT_ONCE, 0)
        if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
            return None
        found = _walk(descriptor, head)
    finally:
        os.close(descriptor)
    if found is None:
        return None
    (tag, channels, rate, byte_rate, block, bits), start, length = found
    if tag != _PCM or bits not in _CODECS or channels not in (1, 2) or not _LEAST_HERTZ <= rate <= _MOST_HERTZ:
        return None
    if block * 8 != channels * bits or byte_rate != rate * block or length < block or _looks_coded(head[start:]):
        return None
    return PlainWav(_CODECS[bits], rate, channels, bits, length / byte_rate)


def _walk(descriptor: int, head: bytes) -> tuple[tuple[int, ...], int, int] | None:
    """The fields of the fmt chunk, where the samples begin, and how many bytes of them are declared, which may be more
    than there are.
    """
    fields: tuple[int, ...] | None = None
    data: tuple[int, int] | None = None
    at, size = 12, os.fstat(descriptor).st_size
    for _ in range(_MOST_CHUNKS):
        beginning = head[at : at + _BEGINNING] if at + _BEGINNING <= len(head) else os.pread(descriptor, _BEGINNING, at)
        if len(beginning) < _CHUNK.size:
            return None if fields is None or data is None else (fields, *data)
        name, length = _CHUNK.unpack_from(beginning)
        start, at = at + _CHUNK.size, at + _CHUNK.size + length + length % 2
        if name == b"fmt " and fields is None and length == _FORMAT.size and len(beginning) == _BEGINNING:
            fields = _FORMAT.unpack_from(beginning, _CHUNK.size)
        elif name == b"data" and fields and data is None and 0 < length < _STREAMED and start < min(size, len(head)):
            data = start, length
        elif length < _DESCRIBING.get(name, length + 1) or at > size:
            return None
    return None


def _looks_coded(samples: bytes) -> bool:
    """Whether these may be a coded stream in disguise. FFmpeg would search several seconds of them; what begins with
    more silence than is looked at here counts as what its header says.
    """
    heard = samples.lstrip(b"\0")
    first = int.from_bytes(heard[:2])
    return any(first & mask == mark for mask, mark in _CODED_FROM_THE_START) or any(
        mark in heard for mark in _CODED_ANYWHERE
    )
