"""Headers of plain wav files, read without a program.

Most sources are such files, and to start ffprobe for one costs as much as to encode half a second of it. Plain is
what leaves no question open: integer samples in one or two channels, a fmt chunk that agrees with itself, one data
chunk, and otherwise only chunks that say nothing about the samples. All other files are left to ffprobe.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

from oss_audio_core.audio_convert.containers.wave_chunks import wave_chunks

_FORMAT = struct.Struct("<HHIIHH")
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
    """What the header says: FFmpeg's name of the codec, Hz, channels, bits per sample."""

    codec: str
    sample_rate: int
    channels: int
    bits: int


def read(path: Path) -> PlainWav | None:
    """The header of a plain wav file; None for any other file."""
    with path.open("rb", buffering=_AT_ONCE) as file:
        head = file.read(_AT_ONCE)
        if head[:4] != b"RIFF":
            return None
        header = _read_chunks(file, len(head))
    if header is None:
        return None
    (tag, channels, rate, byte_rate, block, bits), start, length = header
    if tag != _PCM or bits not in _CODECS or channels not in (1, 2) or not _LEAST_HERTZ <= rate <= _MOST_HERTZ:
        return None
    if block * 8 != channels * bits or byte_rate != rate * block or length < block or _is_coded(head[start:]):
        return None
    return PlainWav(_CODECS[bits], rate, channels, bits)


def _read_chunks(file: BinaryIO, head_size: int) -> tuple[tuple[int, ...], int, int] | None:
    """The fields of the fmt chunk, the start of the samples, and their declared bytes; None if there is more to it."""
    fields: tuple[int, ...] | None = None
    data: tuple[int, int] | None = None
    size = os.fstat(file.fileno()).st_size
    for count, chunk in enumerate(wave_chunks(file)):
        name, start, length = chunk.name, chunk.start, chunk.length
        if count == _MOST_CHUNKS:
            return None
        if name == b"fmt " and fields is None and length == _FORMAT.size and start + length <= size:
            fields = _FORMAT.unpack(file.read(_FORMAT.size))
        elif name == b"data" and fields and data is None and not chunk.is_open and start < min(size, head_size):
            data = start, length
        elif length < _DESCRIBING.get(name, length + 1) or start + length + length % 2 > size:
            return None
    return None if fields is None or data is None else (fields, *data)


def _is_coded(samples: bytes) -> bool:
    """Whether the samples may be a coded stream.

    FFmpeg would search several seconds of them. A file that begins with more silence than the bytes read here counts as
    PCM, as its header says.
    """
    audible = samples.lstrip(b"\0")
    first = int.from_bytes(audible[:2])
    return any(first & mask == mark for mask, mark in _CODED_FROM_THE_START) or any(
        mark in audible for mark in _CODED_ANYWHERE
    )
