"""The lists `movi` of an AVI file, which hold its audio and video: one in each RIFF, of which OpenDML has several."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from oss_audio_core.audio_convert.containers.promise import Promise, is_placeholder

_CHUNK = struct.Struct("<4sI")
_MOST_CHUNKS = 10_000


def avi_promise(file: BinaryIO) -> Promise | None:
    """What the lists `movi` promise together; None where there is none, or where a length was left open.

    Args:
        file: seekable, at any position; the position is moved.
    """
    size = file.seek(0, os.SEEK_END)
    at = declared = available = 0
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(_CHUNK.size + 4)
        if len(head) < _CHUNK.size + 4:
            break
        name, length = _CHUNK.unpack(head[: _CHUNK.size])
        kind = head[_CHUNK.size :]
        if name == b"RIFF":
            if kind not in {b"AVI ", b"AVIX"}:
                break
            at += _CHUNK.size + 4
            continue
        if name == b"LIST" and kind == b"movi":
            if is_placeholder(length):
                return None
            declared += length
            available += max(0, min(length, size - at - _CHUNK.size))
        at += _CHUNK.size + length + length % 2
    return Promise(declared, available) if declared else None
