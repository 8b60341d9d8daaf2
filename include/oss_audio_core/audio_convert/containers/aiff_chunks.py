"""The sound data chunk of an AIFF or AIFF-C file (Apple, EA IFF 85)."""

from __future__ import annotations

import struct
from typing import BinaryIO

from oss_audio_core.audio_convert.containers.chunk_walk import find_chunk
from oss_audio_core.audio_convert.containers.promise import Promise, is_placeholder, promise_of

_FIRST_CHUNK = 12
_HEADER = struct.Struct(">4sI")
_OFFSET_AND_BLOCK_BYTES = 8


def aiff_promise(file: BinaryIO) -> Promise | None:
    """What the sound data chunk promises; None where there is none, or where its length was left open.

    Args:
        file: seekable, at any position; the position is moved.
    """
    found = find_chunk(file, b"SSND", first=_FIRST_CHUNK, header=_HEADER, distance=_to_next)
    if found is None or is_placeholder(found.length):
        return None
    return promise_of(file, found.start + _OFFSET_AND_BLOCK_BYTES, found.length - _OFFSET_AND_BLOCK_BYTES)


def _to_next(length: int) -> int:
    return _HEADER.size + length + length % 2
