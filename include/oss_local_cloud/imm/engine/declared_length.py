"""How long a source says it is, where its container says so in a way that can be trusted.

FFmpeg converts a file that ends in the middle without a word and exits 0, so its length has to be compared
with what the header promises. But only some headers promise anything: the length of raw ADTS, AMR and AC-3,
and of an MP3 without a Xing or VBRI header, is a guess from the bitrate, and MPEG transport streams and ASF
are cut anywhere by design. Ogg pages carry times, so a shorter file just is shorter.

For wav, w64 and caf FFmpeg already shortens the length to what is there; their data chunk is read here.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_BY_STREAM = frozenset({"flac", "mov,mp4,m4a,3gp,3g2,mj2", "aiff", "au", "tta", "wv", "ape", "dsf"})
_BY_FILE = frozenset({"matroska,webm"})
_STREAMED_WAV = 0x7FFFF000  # writers to a pipe put this or more (0xFFFFFFFF) into the data chunk's size
_MOST_CHUNKS = 1000


def declared_seconds(
    path: Path, container: str, pcm: bool, stream_seconds: float | None, file_seconds: float | None
) -> float | None:
    """The promised length in seconds, or None.

    `stream_seconds` and `file_seconds` are FFmpeg's for the stream and, when there is just one stream, the file; `pcm`
    says whether the samples are uncompressed.
    """
    if container in _BY_STREAM:
        return stream_seconds
    if container in _BY_FILE:
        return file_seconds
    with path.open("rb") as file:
        if container == "mp3":
            return stream_seconds if _has_frame_count(file) else None
        if container in _DATA_CHUNKS and stream_seconds is not None:
            return _from_data_chunk(file, path.stat().st_size, container, pcm, stream_seconds)
    return None


def _from_data_chunk(file: BinaryIO, size: int, container: str, pcm: bool, seconds: float) -> float | None:
    """The length by the data chunk's declared size.

    FFmpeg's `seconds` are what is there for PCM, and of a compressed codec the fact chunk's count, which only says
    something when the data chunk is cut.
    """
    chunk = _DATA_CHUNKS[container](file)
    if chunk is None:
        return None
    start, declared = chunk
    there = min(declared, size - start)
    if not pcm:
        return seconds if there < declared else None
    return seconds * declared / there if there > 0 else None


def _wav_data(file: BinaryIO) -> tuple[int, int] | None:
    head = file.read(12)
    if len(head) < 12 or head[:4] not in (b"RIFF", b"RF64") or head[8:] != b"WAVE":
        return None
    long_size = None
    for _ in range(_MOST_CHUNKS):
        header = file.read(8)
        if len(header) < 8:
            return None
        name, length = header[:4], struct.unpack("<I", header[4:])[0]
        if name == b"ds64":
            body = file.read(min(length, 16))
            long_size = struct.unpack("<Q", body[8:])[0] if len(body) == 16 else None
            _skip(file, length - len(body))
            continue
        if name == b"data":
            if length == 0xFFFFFFFF and long_size is not None:
                return file.tell(), long_size
            return (file.tell(), length) if 0 < length < _STREAMED_WAV else None
        _skip(file, length + length % 2)
    return None


def _w64_data(file: BinaryIO) -> tuple[int, int] | None:
    file.seek(40)
    for _ in range(_MOST_CHUNKS):
        header = file.read(24)
        if len(header) < 24:
            return None
        length = struct.unpack("<Q", header[16:])[0]  # counts its own header, and is padded to eight
        if header[:4] == b"data":
            return file.tell(), length - 24
        if length < 24:
            return None
        _skip(file, length - 24 + -length % 8)
    return None


def _caf_data(file: BinaryIO) -> tuple[int, int] | None:
    file.seek(8)
    for _ in range(_MOST_CHUNKS):
        header = file.read(12)
        if len(header) < 12:
            return None
        length = struct.unpack(">q", header[4:])[0]
        if header[:4] == b"data":
            return (file.tell(), length) if length > 0 else None  # -1: up to the end
        if length < 0:
            return None
        _skip(file, length)
    return None


def _skip(file: BinaryIO, length: int) -> None:
    """Go on behind `length` bytes, at the end at most: a chunk may claim more than a file can hold."""
    file.seek(min(file.tell() + length, os.fstat(file.fileno()).st_size))


_DATA_CHUNKS: dict[str, Callable[[BinaryIO], tuple[int, int] | None]] = {
    "wav": _wav_data,
    "w64": _w64_data,
    "caf": _caf_data,
}


def _has_frame_count(file: BinaryIO) -> bool:
    """Whether the first MPEG audio frame is a Xing, Info or VBRI header that counts the frames."""
    head = file.read(10)
    start = 0
    if head[:3] == b"ID3" and len(head) == 10:
        start = 10 + sum((byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
    file.seek(start)
    window = file.read(8192)
    for at in range(len(window) - 192):
        if window[at] == 0xFF and window[at + 1] & 0xE0 == 0xE0 and window[at + 1] & 0x06:
            frame = window[at : at + 192]
            for offset in (36, 21, 13):
                if frame[offset : offset + 4] in (b"Xing", b"Info"):
                    return bool(frame[offset + 7] & 1)
            return frame[36:40] == b"VBRI"
    return False
