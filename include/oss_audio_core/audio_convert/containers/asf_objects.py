"""The data object of an ASF file (wma, wmv): objects have GUIDs, and 64-bit lengths with their header."""

from __future__ import annotations

import struct
from typing import BinaryIO

from oss_audio_core.audio_convert.containers.promise import Promise, promise_of

_HEADER_OBJECT = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_DATA_OBJECT = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_OBJECT = struct.Struct("<16sQ")
_FLAGS_AT = 88
_BROADCAST = 1
_MOST_HEADER = 1 << 20


def asf_promise(file: BinaryIO) -> Promise | None:
    """What the data object promises; None where there is none, or where the file is a broadcast of unknown length.

    Args:
        file: seekable, at any position; the position is moved.
    """
    file.seek(0)
    head = file.read(_OBJECT.size)
    if len(head) < _OBJECT.size:
        return None
    name, length = _OBJECT.unpack(head)
    if name != _HEADER_OBJECT or not _OBJECT.size < length < _MOST_HEADER:
        return None
    header = file.read(length - _OBJECT.size)
    properties = header.find(_FILE_PROPERTIES)
    flags = header[properties + _FLAGS_AT : properties + _FLAGS_AT + 4]
    if properties < 0 or len(flags) < 4 or int.from_bytes(flags, "little") & _BROADCAST:
        return None
    head = file.read(_OBJECT.size)
    if len(head) < _OBJECT.size or head[:16] != _DATA_OBJECT:
        return None
    return promise_of(file, length + _OBJECT.size, _OBJECT.unpack(head)[1] - _OBJECT.size)
