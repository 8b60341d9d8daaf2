"""The segment of a Matroska or WebM file, which holds all of it but a short header (RFC 9559, RFC 8794)."""

from __future__ import annotations

from typing import BinaryIO

from oss_audio_core.audio_convert.containers.promise import Promise, promise_of

_EBML = 0x1A45DFA3
_SEGMENT = 0x18538067
_LONGEST_HEAD = 12


def matroska_promise(file: BinaryIO) -> Promise | None:
    """What the segment promises; None where there is none, or where its size was left open, as by live writers.

    Args:
        file: seekable, at any position; the position is moved.
    """
    at = 0
    for wanted in (_EBML, _SEGMENT):
        file.seek(at)
        head = file.read(_LONGEST_HEAD)
        if int.from_bytes(head[:4], "big") != wanted or len(head) < 5 or not head[4]:
            return None
        width = 9 - head[4].bit_length()
        unknown = (1 << 7 * width) - 1
        size = int.from_bytes(head[4 : 4 + width], "big") & unknown
        at += 4 + width
        if wanted == _SEGMENT:
            return None if size == unknown else promise_of(file, at, size)
        at += size
    return None
