"""The Xing or Info frame at the beginning of an mp3, with LAME's extension: counts, delay, and checksums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import crcmod

from oss_audio_core.verification.frame_chain import mp3_length

crc16: Callable[..., int] = crcmod.mkCrcFun(0x18005, initCrc=0, rev=True)
"""The CRC-16 of LAME's tag."""

_TAG_CRC_COVERS = 190
_SEARCH_BYTES = 4096
_LAME_BYTES = 36


@dataclass(frozen=True)
class Mp3Header:
    """What the first frame tells.

    `at`: its position in the file; `length`: its bytes; `frames`: of audio after it; `size`: bytes of all of
    them with it, 0 where it doesn't tell; `samples`: per channel without the encoder's delay and padding;
    `music_crc`: of all bytes after it, None where there is no LAME extension; `whole`: its own checksum is right.
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
    """Read it from the first bytes of a file (after the ID3 tag at least 4 KiB); None where there is none."""
    begin = _after_id3(head)
    for at in range(begin, min(begin + _SEARCH_BYTES, len(head) - 4)):
        if head[at] == 0xFF and (length := mp3_length(head, at)):
            return _read(head[at : at + length], at, length)
    return None


def _after_id3(head: bytes) -> int:
    at = 0
    while head[at : at + 3] == b"ID3" and len(head) >= at + 10:
        footer = 10 if head[at + 5] & 0x10 else 0
        size = sum(byte << shift for byte, shift in zip(head[at + 6 : at + 10], (21, 14, 7, 0), strict=True))
        at += 10 + size + footer
    return at


def _read(frame: bytes, at: int, length: int) -> Mp3Header | None:
    first_version = frame[1] >> 3 & 3 == 3
    mono = frame[3] >> 6 == 3
    tag = 4 + ((17 if mono else 32) if first_version else (9 if mono else 17))
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
    samples = frames * (1152 if first_version else 576)
    if len(lame) < _LAME_BYTES or not lame[:4].isalnum():
        return Mp3Header(at, length, frames, size, samples, None, None)
    delay, padding = lame[21] << 4 | lame[22] >> 4, (lame[22] & 0xF) << 8 | lame[23]
    music_crc = int.from_bytes(lame[32:34], "big")
    told = int.from_bytes(lame[34:36], "big")
    # Only LAME and those who follow it to the letter have the checksum end where it belongs.
    whole = crc16(frame[: position + 34]) == told if position + 34 == _TAG_CRC_COVERS else None
    return Mp3Header(at, length, frames, size, samples - delay - padding, music_crc or None, whole)
