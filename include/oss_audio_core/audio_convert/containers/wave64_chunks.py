"""The data chunk of a Wave64 file (Sony Pictures Digital): chunks have GUIDs, and 64-bit lengths with their header."""

from __future__ import annotations

import struct
from typing import BinaryIO

from oss_audio_core.audio_convert.containers.chunk_walk import find_chunk
from oss_audio_core.audio_convert.containers.promise import Promise, promise_of

_FIRST_CHUNK = 40
_HEADER = struct.Struct("<4s12xQ")
_PADDED_TO = 8


def wave64_promise(file: BinaryIO) -> Promise | None:
    """What the data chunk promises; None where there is none.

    Args:
        file: seekable, at any position; the position is moved.
    """
    found = find_chunk(file, b"data", first=_FIRST_CHUNK, header=_HEADER, distance=_to_next)
    return None if found is None else promise_of(file, found.start, found.length - _HEADER.size)


def _to_next(length: int) -> int | None:
    return None if length < _HEADER.size else length + -length % _PADDED_TO
