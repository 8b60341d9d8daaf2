"""The sound data chunk of an AIFF or AIFF-C file (Apple, EA IFF 85)."""

from __future__ import annotations

import struct
from typing import BinaryIO

from oss_audio_core.audio_convert.containers.promise import Promise, is_placeholder, promise_of

_FIRST_CHUNK = 12
_HEADER = struct.Struct(">4sI")
_OFFSET_AND_BLOCK_BYTES = 8
_MOST_CHUNKS = 1000


def aiff_promise(file: BinaryIO) -> Promise | None:
    """What the sound data chunk promises; None where there is none, or where its length was left open.

    Args:
        file: seekable, at any position; the position is moved.
    """
    at = _FIRST_CHUNK
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size:
            return None
        name, length = _HEADER.unpack(header)
        start = at + _HEADER.size
        if name == b"SSND":
            if is_placeholder(length):
                return None
            return promise_of(file, start + _OFFSET_AND_BLOCK_BYTES, length - _OFFSET_AND_BLOCK_BYTES)
        at = start + length + length % 2
    return None
