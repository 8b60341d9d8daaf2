"""Damaged pages of an Ogg file: demuxers pass over what is cut off, overwritten or wrong, and read on silently."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

import crcmod

_PAGE = struct.Struct("<4sBBqIIIB")
_crc = crcmod.mkCrcFun(0x104C11DB7, initCrc=0, rev=False)
_LONGEST_PAGE = 65_307
_TAIL_BYTES = 2 * _LONGEST_PAGE
_END_OF_STREAM = 4

PAGE_DAMAGED = "the page at byte {at} is damaged"
"""The error of a page, with its position."""


def ogg_end_error(file: BinaryIO) -> str | None:
    """What is wrong with the end of an Ogg file; None where nothing is (RFC 3533).

    Bytes behind the page that ends a stream are no concern: tags and padding stand there. Without such a page the last
    whole page must end where the file does; a recorder that was stopped leaves that.

    Args:
        file: seekable, at any position; the position is moved.
    """
    size = file.seek(0, os.SEEK_END)
    begin = max(size - _TAIL_BYTES, 0)
    file.seek(begin)
    tail = file.read(_TAIL_BYTES)
    at = len(tail)
    while (at := tail.rfind(b"OggS", 0, at)) >= 0:
        head = tail[at : at + _PAGE.size]
        if len(head) < _PAGE.size:
            continue
        _, version, flags, _, _, _, _, segments = _PAGE.unpack(head)
        if version or flags > 7:
            continue
        end = at + _PAGE.size + segments + sum(tail[at + _PAGE.size : at + _PAGE.size + segments])
        if end > len(tail):
            return f"its last page, at byte {begin + at}, is cut off"
        if flags & _END_OF_STREAM or end == len(tail):
            return None
        return f"there is no page from byte {begin + end} to {size}, and none says that the stream ends"
    return f"there is no page in its last {len(tail)} bytes"


def ogg_page_error(file: BinaryIO) -> str | None:
    """Which page is wrong by its own checksum; None where none is. All of the file is read.

    Args:
        file: seekable, at any position; the position is moved.
    """
    at = 0
    while True:
        file.seek(at)
        head = file.read(_PAGE.size + 255)
        if len(head) < _PAGE.size or not head.startswith(b"OggS"):
            return PAGE_DAMAGED.format(at=at) if head and _follows(file, at) else None
        *_, declared, segments = _PAGE.unpack_from(head)
        size = _PAGE.size + segments + sum(head[_PAGE.size : _PAGE.size + segments])
        file.seek(at)
        page = file.read(size)
        if len(page) == size and _crc(page[:22] + bytes(4) + page[26:]) != declared:
            return PAGE_DAMAGED.format(at=at)
        at += size


def _follows(file: BinaryIO, at: int) -> bool:
    """Whether another page comes after bytes that are none."""
    file.seek(at)
    return b"OggS" in file.read(_TAIL_BYTES)
