"""The duration a file's header promises, if it promises one: beside what is there, it shows a truncation.

Only containers whose header states a length are asked. For the others (aac, amr, ac3, ogg, transport streams)
FFmpeg reports a guess from the bitrate or the last packet, which promises nothing.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from av.audio.stream import AudioStream
from av.container import InputContainer

_STATES_ITS_LENGTH = frozenset({"aiff", "au", "flac", "mov", "matroska", "flv", "tta", "wv"})
_UNKNOWN_SIZE = 0xFFFFFFFF
_MP3_SEARCH_BYTES = 2048


def declared_duration(container: InputContainer, stream: AudioStream, file: BinaryIO) -> float | None:
    """Seconds promised by the header, or None where it says nothing reliable; moves `file`'s position."""
    kind = container.format.name.split(",")[0]
    if kind == "wav":
        return _wav_duration(file)
    if kind not in _STATES_ITS_LENGTH and not (kind == "mp3" and _mp3_counts_its_frames(file)):
        return None
    if stream.duration is not None and stream.time_base is not None:
        return float(stream.duration * stream.time_base)
    # The length of the whole file is the audio's only where there is nothing but one audio stream.
    if container.duration is not None and len(container.streams) == 1:
        return container.duration / 1_000_000
    return None


def _wav_duration(file: BinaryIO) -> float | None:
    """From the chunks of RIFF and RF64: FFmpeg clips the length to the file's, and so hides a truncation."""
    file.seek(0)
    magic, _, form = struct.unpack("<4sI4s", _exactly(file, 12) or bytes(12))
    if magic not in {b"RIFF", b"RF64"} or form != b"WAVE":
        return None
    byte_rate = 0
    long_size: int | None = None
    while header := _exactly(file, 8):
        chunk, size = struct.unpack("<4sI", header)
        if chunk == b"data":
            data_size = long_size if size == _UNKNOWN_SIZE else size
            # A writer that could not seek back leaves 0 or all ones: no promise.
            return data_size / byte_rate if data_size and byte_rate else None
        body = file.tell()
        if chunk == b"fmt " and (fields := _exactly(file, 12)):
            byte_rate = struct.unpack_from("<I", fields, 8)[0]
        elif chunk == b"ds64" and (fields := _exactly(file, 16)):
            long_size = struct.unpack_from("<Q", fields, 8)[0]
        file.seek(body + size + size % 2)
    return None


def _mp3_counts_its_frames(file: BinaryIO) -> bool:
    """Whether the first frame is a Xing, Info or VBRI one, which states the number of frames."""
    position = 0
    while True:
        file.seek(position)
        tag = _exactly(file, 10)
        if tag is None or tag[:3] != b"ID3":
            break
        has_footer = bool(tag[5] & 0x10)
        position += 10 + sum(byte << shift for byte, shift in zip(tag[6:10], (21, 14, 7, 0), strict=True))
        position += 10 if has_footer else 0
    file.seek(position)
    start = file.read(_MP3_SEARCH_BYTES)
    return any(mark in start for mark in (b"Xing", b"Info", b"VBRI"))


def _exactly(file: BinaryIO, size: int) -> bytes | None:
    data = file.read(size)
    return data if len(data) == size else None
