"""The data chunk of a Wave64 file (Sony Pictures Digital): chunks have GUIDs, and 64-bit lengths with their header."""

from __future__ import annotations

import struct
from typing import BinaryIO

from oss_audio_core.audio_convert.containers.promise import Promise, promise_of

_FIRST_CHUNK = 40
_HEADER = struct.Struct("<4s12xQ")
_PADDED_TO = 8
_MOST_CHUNKS = 1000
_FARTHEST = 1 << 40


def wave64_promise(file: BinaryIO) -> Promise | None:
    """What the data chunk promises; None where there is none.

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
        if name == b"data":
            return promise_of(file, at + _HEADER.size, length - _HEADER.size)
        if length < _HEADER.size:
            return None
        # A chunk may claim more than any file system can seek to.
        at += min(length + -length % _PADDED_TO, _FARTHEST)
    return None
