"""The order of keys in a listing: that of their UTF-8 bytes."""

from __future__ import annotations

LONGEST_START = 1000
"""Bytes of a key that has room for one character more: a key has at most 1,023."""


def key_before(key: str) -> str:
    """A key before this one with as good as nothing between them: a listing begins after what it is given."""
    last = ord(key[-1])
    if 0x20 < last < 0xD800 and len(key.encode()) < LONGEST_START:
        return f"{key[:-1]}{chr(last - 1)}\U0010fffd"
    return key[:-1]
