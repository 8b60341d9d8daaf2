"""How much audio a container's header promises, and how much of it a file has."""

from __future__ import annotations

import os
from typing import BinaryIO, NamedTuple

_PLACEHOLDERS = ((0, 0), (0x7EFF_E000, 0x7F00_1000), (0x7FFF_E000, 0x8000_1000), (0xFFFF_E000, 0xFFFF_FFFF))
"""Ranges of 32-bit lengths, both ends included: what writers leave that cannot seek back.

SoX and most players write 0x7FFFF000, or for AIFF 0x7F000000, less a part of a block; LAME and opusdec 0x7FFFFFFF;
recorders 0x80000000; FFmpeg 0xFFFFFFFF; others 0. A header may be counted in or not. A file that was really to have
such a length, and was cut, is not noticed: 20 KiB of 4 GiB are worth that.
"""


_NO_FILE = 1 << 60
"""Bytes that no file has: a placeholder of 64 bits."""


class Promise(NamedTuple):
    """Audio data in bytes, or in any other unit that is one for both.

    Attributes:
        declared: how much the header promises; positive.
        available: how much of that the file has.
    """

    declared: int
    available: int


def is_placeholder(length: int) -> bool:
    """Whether a 32-bit length stands for an unknown one."""
    return any(first <= length <= last for first, last in _PLACEHOLDERS)


def promise_of(file: BinaryIO, start: int, declared: int) -> Promise | None:
    """The promise of `declared` bytes from position `start`; None where there are to be none.

    Args:
        file: seekable, at any position; the position is moved.
        start: of the data in the file.
        declared: bytes.
    """
    if not 0 < declared < _NO_FILE:
        return None
    return Promise(declared, max(0, min(declared, file.seek(0, os.SEEK_END) - start)))
