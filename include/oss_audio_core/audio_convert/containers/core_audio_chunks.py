"""The data chunk of a Core Audio file (CAF, Apple)."""

from __future__ import annotations

import struct
from typing import BinaryIO

from oss_audio_core.audio_convert.containers.promise import Promise, promise_of

_FIRST_CHUNK = 8
_HEADER = struct.Struct(">4sq")
_EDIT_COUNT_BYTES = 4
_MOST_CHUNKS = 1000
_FARTHEST = 1 << 40


def core_audio_promise(file: BinaryIO) -> Promise | None:
    """What the data chunk promises; None where there is none, or where it goes to the end of the file (-1).

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
        if name == b"data":
            return promise_of(file, start + _EDIT_COUNT_BYTES, length - _EDIT_COUNT_BYTES)
        if length < 0:
            return None
        # A chunk may claim more than any file system can seek to.
        at = start + min(length, _FARTHEST)
    return None
