"""The data chunk of a Core Audio file (CAF, Apple)."""

from __future__ import annotations

import struct
from typing import BinaryIO

from oss_audio_core.audio_convert.containers.chunk_walk import find_chunk
from oss_audio_core.audio_convert.containers.promise import Promise, promise_of

_FIRST_CHUNK = 8
_HEADER = struct.Struct(">4sq")
_EDIT_COUNT_BYTES = 4


def core_audio_promise(file: BinaryIO) -> Promise | None:
    """What the data chunk promises; None where there is none, or where it goes to the end of the file (-1).

    Args:
        file: seekable, at any position; the position is moved.
    """
    found = find_chunk(file, b"data", first=_FIRST_CHUNK, header=_HEADER, distance=_to_next)
    if found is None:
        return None
    return promise_of(file, found.start + _EDIT_COUNT_BYTES, found.length - _EDIT_COUNT_BYTES)


def _to_next(length: int) -> int | None:
    return None if length < 0 else _HEADER.size + length
