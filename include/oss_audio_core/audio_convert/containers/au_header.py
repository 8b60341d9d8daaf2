"""The header of an AU file (Sun, NeXT): where the data begins, and how long it is."""

from __future__ import annotations

import struct
from typing import BinaryIO

from oss_audio_core.audio_convert.containers.promise import Promise, is_placeholder, promise_of

_HEADER = struct.Struct(">4sII")


def au_promise(file: BinaryIO) -> Promise | None:
    """What the header promises; None where it leaves the length open.

    Args:
        file: seekable, at any position; the position is moved.
    """
    file.seek(0)
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    _, start, length = _HEADER.unpack(header)
    return None if is_placeholder(length) else promise_of(file, start, length)
