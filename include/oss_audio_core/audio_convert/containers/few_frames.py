"""Files of a few frames without a header: demuxers recognise them by a guess that is as good as for noise."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import BinaryIO

from oss_audio_core.audio_convert.containers.frame_chain import FrameLength, ac3_length, adts_length
from oss_audio_core.audio_convert.containers.mp3_header import after_id3

_MOST_BYTES = 64 * 1024
"""A longer file has so many frames that demuxers are sure of it."""

_ID3V1 = 128
_BEGINNINGS = (b"ID3", b"\xff", b"\x0b\x77")
_RATES: Mapping[int, tuple[int, ...]] = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_LAYER_3, _LAYER_2, _LAYER_1 = 1, 2, 3
_KBIT: Mapping[tuple[bool, int], tuple[int, ...]] = {
    # By MPEG version 1 or not, and layer (ISO/IEC 11172-3, 13818-3).
    (True, _LAYER_1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, _LAYER_2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, _LAYER_3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, _LAYER_1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, _LAYER_2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, _LAYER_3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


def is_all_frames(file: BinaryIO, container: str) -> bool:
    """Whether a short file is nothing but whole frames of the format that `container` names, between tags.

    Args:
        file: seekable, at any position; the position is moved.
        container: FFmpeg's name of the demuxer: mp3, aac, ac3.
    """
    frame_length = _FRAMES.get(container)
    if frame_length is None or file.seek(0, os.SEEK_END) > _MOST_BYTES:
        return False
    file.seek(after_id3(file))
    frames = file.read()
    if frames[-_ID3V1:].startswith(b"TAG"):
        frames = frames[:-_ID3V1]
    at = 0
    while at < len(frames) and (length := frame_length(frames, at)):
        at += length
    return 0 < at == len(frames)


def few_frames_demuxer(file: BinaryIO) -> str | None:
    """FFmpeg's name of the demuxer for a short file that is nothing but whole frames; None: it is none.

    Args:
        file: seekable, at any position; the position is moved.
    """
    file.seek(0)
    if not file.read(3).startswith(_BEGINNINGS):
        return None
    return next((container for container in _FRAMES if is_all_frames(file, container)), None)


def _mpeg_length(data: bytes, at: int) -> int:
    head = data[at : at + 4]
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    rates, kbits, index = _RATES.get(version), _KBIT.get((version == 3, layer)), head[2] >> 4
    if rates is None or kbits is None or not 0 < index < len(kbits) or head[2] >> 2 & 3 == 3:
        return 0
    rate, padding = rates[head[2] >> 2 & 3], head[2] >> 1 & 1
    if layer == _LAYER_1:
        return (12_000 * kbits[index] // rate + padding) * 4
    slots = 72_000 if layer == _LAYER_3 and version != 3 else 144_000
    return slots * kbits[index] // rate + padding


_FRAMES: Mapping[str, FrameLength] = MappingProxyType({"mp3": _mpeg_length, "aac": adts_length, "ac3": ac3_length})
"""How the frames of each demuxer follow one another."""
