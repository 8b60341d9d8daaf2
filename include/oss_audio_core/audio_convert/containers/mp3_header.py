"""The first frames of an mp3 file: ID3 tags are skipped, and a Xing, Info or VBRI header is read.

A Xing or Info header may carry LAME's extension: the encoder's delay and padding, and checksums.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO, NamedTuple

import crcmod

crc16: Callable[..., int] = crcmod.mkCrcFun(0x18005, initCrc=0, rev=True)
"""The CRC-16 of LAME's tag."""

_TAG_CRC_COVERS = 190
_SEARCH_BYTES = 4096
_LONGEST_FRAME = 1441
_LAME_BYTES = 36
_VBRI_AT = 36
_VBRI_BYTES = 18
_MP3_KBIT = {
    # MPEG version 1, and versions 2 and 2.5; layer III.
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0),
}
_MP3_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


@dataclass(frozen=True)
class Mp3Header:
    """A Xing or Info header.

    Attributes:
        at: position of its frame in the file.
        length: bytes of its frame.
        frames: frames of audio after it; 0 where it does not count them.
        size: bytes of all frames with its own; 0 where it does not count them.
        samples: per channel, without the encoder's delay and padding.
        music_crc: CRC-16 of all bytes after it; None without LAME's extension.
        whole: whether its own checksum is right; None where it has none.
    """

    at: int
    length: int
    frames: int
    size: int
    samples: int
    music_crc: int | None
    whole: bool | None

    def fits(self, file_size: int) -> bool:
        """Whether a file of `file_size` bytes can hold what the header counts; tags may follow it."""
        return not self.size or file_size >= self.at + self.size


def read_mp3_header(head: bytes) -> Mp3Header | None:
    """The Xing or Info header in the first bytes of a file; None where there is none.

    Args:
        head: from the file's beginning to at least 4 KiB after its ID3 tags.
    """
    first = _first_frame(BytesIO(head))
    return None if first is None else _read(first)


def mp3_seconds(file: BinaryIO) -> float | None:
    """The length by the frames that a Xing, Info or VBRI header counts, without the encoder's delay and padding.

    Demuxers leave delay and padding in, which are a third of a second at 8 kHz; and those that find bytes behind the
    last frame, such as tags, distrust the count and guess from the bitrate.

    Args:
        file: seekable, at any position; the position is moved.

    Returns:
        Seconds; None where nothing counts the frames.
    """
    first = _first_frame(file)
    if first is None:
        return None
    header = _read(first)
    frames = _vbri_frames(first.content) if header is None else header.frames
    samples = frames * _frame_samples(first.content) if header is None else header.samples
    return max(0, samples) / _sample_rate(first.content) if frames else None


def mp3_length(data: bytes, at: int) -> int:
    """Bytes of the MPEG audio layer III frame whose header is at `at`; 0 without one (ISO/IEC 11172-3, 13818-3)."""
    head = data[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version = head[1] >> 3 & 3
    rates = _MP3_RATES.get(version)
    index = head[2] >> 2 & 3
    kbit = _MP3_KBIT[version == 3][head[2] >> 4]
    if rates is None or index == 3 or not kbit:
        return 0
    return (144 if version == 3 else 72) * kbit * 1000 // rates[index] + (head[2] >> 1 & 1)


def after_id3(file: BinaryIO) -> int:
    """Position behind all ID3 tags at the beginning of a file, which is seekable; its position is moved."""
    at = 0
    while True:
        file.seek(at)
        tag = file.read(10)
        if len(tag) < 10 or tag[:3] != b"ID3":
            return at
        footer = 10 if tag[5] & 0x10 else 0
        at += 10 + footer + sum((byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True))


class _Frame(NamedTuple):
    at: int
    length: int
    content: bytes


def _first_frame(file: BinaryIO) -> _Frame | None:
    begin = after_id3(file)
    file.seek(begin)
    window = file.read(_SEARCH_BYTES + _LONGEST_FRAME)
    for at in range(min(_SEARCH_BYTES, len(window) - 4)):
        if window[at] == 0xFF and (length := mp3_length(window, at)):
            return _Frame(begin + at, length, window[at : at + length])
    return None


def _sample_rate(frame: bytes) -> int:
    return _MP3_RATES[frame[1] >> 3 & 3][frame[2] >> 2 & 3]


def _frame_samples(frame: bytes) -> int:
    return 1152 if frame[1] >> 3 & 3 == 3 else 576


def _vbri_frames(frame: bytes) -> int:
    tag = frame[_VBRI_AT : _VBRI_AT + _VBRI_BYTES]
    return int.from_bytes(tag[14:18], "big") if len(tag) == _VBRI_BYTES and tag[:4] == b"VBRI" else 0


def _tag_position(frame: bytes) -> int:
    first_version = frame[1] >> 3 & 3 == 3
    mono = frame[3] >> 6 == 3
    return 4 + ((17 if mono else 32) if first_version else (9 if mono else 17))


def _read(first: _Frame) -> Mp3Header | None:
    at, length, frame = first
    tag = _tag_position(frame)
    if frame[tag : tag + 4] not in {b"Xing", b"Info"}:
        return None
    flags = int.from_bytes(frame[tag + 4 : tag + 8], "big")
    position = tag + 8
    frames = size = 0
    if flags & 1:
        frames = int.from_bytes(frame[position : position + 4], "big")
        position += 4
    if flags & 2:
        size = int.from_bytes(frame[position : position + 4], "big")
        position += 4
    position += (100 if flags & 4 else 0) + (4 if flags & 8 else 0)
    lame = frame[position : position + _LAME_BYTES]
    samples = frames * _frame_samples(frame)
    if len(lame) < _LAME_BYTES or not lame[:4].isalnum():
        return Mp3Header(at, length, frames, size, samples, None, None)
    delay, padding = lame[21] << 4 | lame[22] >> 4, (lame[22] & 0xF) << 8 | lame[23]
    music_crc = int.from_bytes(lame[32:34], "big")
    declared_crc = int.from_bytes(lame[34:36], "big")
    # Only LAME and encoders that follow it to the letter end the checksum where it belongs.
    whole = crc16(frame[: position + 34]) == declared_crc if position + 34 == _TAG_CRC_COVERS else None
    return Mp3Header(at, length, frames, size, samples - delay - padding, music_crc or None, whole)
