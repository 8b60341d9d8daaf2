"""Whether a stream of frames ends with a whole one, for formats whose frames declare their own length.

A truncated file ends in the middle of a frame: the chain of lengths, followed from any frame, then points past
the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

FrameLength = Callable[[bytes, int], int]
"""Bytes of the frame whose header is at a position; 0 where there is no header."""

_CONVINCING = 3
"""Frames one after the other that can't be chance."""

_HEADER_MOST = 7

_AC3_KBIT = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_AC3_RATES = (48000, 44100, 32000)
_AMR_NB_BYTES = (13, 14, 16, 18, 20, 21, 27, 32, 6, 0, 0, 0, 0, 0, 0, 1)
_AMR_WB_BYTES = (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 0, 0, 0, 0, 1, 1)


@dataclass(frozen=True)
class Chain:
    """Frames found one after the other: how many, their bytes, and whether the last one ends where the data does."""

    frames: int
    size: int
    whole: bool


def follow(data: bytes, frame_length: FrameLength, reach: int) -> Chain | None:
    """The first chain that begins within the first `reach` bytes and runs to the end of `data`."""
    for begin in range(min(reach, len(data))):
        at, frames = begin, 0
        while at < len(data) and (length := frame_length(data, at)):
            at += length
            frames += 1
        # Fewer bytes than a header after a whole frame are the beginning of a cut one.
        if at == len(data) and frames:
            return Chain(frames, at - begin, whole=True)
        if frames >= _CONVINCING and (at > len(data) or len(data) - at < _HEADER_MOST):
            return Chain(frames, len(data) - begin, whole=False)
    return None


def adts_length(data: bytes, at: int) -> int:
    """AAC in ADTS (ISO/IEC 13818-7)."""
    head = data[at : at + 7]
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    return length if length > 7 else 0


def ac3_length(data: bytes, at: int) -> int:
    """AC-3 (ATSC A/52): frames of one bitrate have one length, and at 44.1 kHz now and then two bytes more."""
    head = data[at : at + 5]
    if len(head) < 5 or head[:2] != b"\x0b\x77":
        return 0
    rate, code = head[4] >> 6, head[4] & 0x3F
    if rate == 3 or code >= 2 * len(_AC3_KBIT):
        return 0
    words = _AC3_KBIT[code >> 1] * 96000 // _AC3_RATES[rate]
    return 2 * (words + (code & 1 if rate == 1 else 0))


def ac3_mean_length(data: bytes, at: int) -> float:
    """Bytes of a frame of this bitrate on average; 0 where there is no header."""
    if not ac3_length(data, at):
        return 0.0
    return _AC3_KBIT[(data[at + 4] & 0x3F) >> 1] * 1000 / 8 * 1536 / _AC3_RATES[data[at + 4] >> 6]


def amr_length(sizes: tuple[int, ...]) -> FrameLength:
    """AMR's storage format (RFC 4867): the length follows from the mode in the byte before each frame."""

    def length(data: bytes, at: int) -> int:
        return 0 if data[at] & 0x83 else sizes[data[at] >> 3 & 0xF]

    return length


amr_nb_length = amr_length(_AMR_NB_BYTES)
amr_wb_length = amr_length(_AMR_WB_BYTES)
