"""The length that a source's container declares, where it can be trusted.

FFmpeg converts a truncated file silently and exits 0, so the decoded length has to be compared with the declared one.
Only some headers declare one. The length of raw ADTS, AMR and AC-3, and of an MP3 without a Xing or VBRI header, is a
guess from the bitrate. MPEG transport streams and ASF are cut anywhere by design. A shorter Ogg file has earlier times.

For wav, w64 and caf FFmpeg shortens the length to the data that exists; their data chunk is read here.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from oss_audio_core.audio_convert.containers.mp3_header import counts_its_frames
from oss_audio_core.audio_convert.containers.wave_chunks import STREAMED_BYTES, wave_chunks

_BY_STREAM = frozenset({"flac", "mov,mp4,m4a,3gp,3g2,mj2", "aiff", "au", "tta", "wv", "ape", "dsf"})
_BY_FILE = frozenset({"matroska,webm"})
_MOST_CHUNKS = 1000


def declared_seconds(
    path: Path, container: str, pcm: bool, stream_seconds: float | None, file_seconds: float | None
) -> float | None:
    """The declared length in seconds, or None.

    Args:
        path: the source.
        container: FFmpeg's name of its demuxer.
        pcm: whether the samples are uncompressed.
        stream_seconds: FFmpeg's length of the stream.
        file_seconds: FFmpeg's length of the file, where it has one stream only.
    """
    if container in _BY_STREAM:
        return stream_seconds
    if container in _BY_FILE:
        return file_seconds
    with path.open("rb") as file:
        if container == "mp3":
            return stream_seconds if counts_its_frames(file) else None
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
    available = min(declared, size - start)
    if not pcm:
        return seconds if available < declared else None
    return seconds * declared / available if available > 0 else None


def _wav_data(file: BinaryIO) -> tuple[int, int] | None:
    data = next((chunk for chunk in wave_chunks(file) if chunk.name == b"data"), None)
    if data is None or data.length == 0:
        return None
    # A length of 32 bits may be a placeholder; one from ds64 is none.
    file.seek(data.start - 4)
    stored = struct.unpack("<I", file.read(4))[0]
    if stored == data.length and stored >= STREAMED_BYTES:
        return None
    return data.start, data.length


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
