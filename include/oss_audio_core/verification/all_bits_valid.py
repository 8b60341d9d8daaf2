"""A wav file as if all bits of its samples were valid: FFmpeg decodes noise from 24 valid bits in 32."""

from __future__ import annotations

import os
import struct
from typing import BinaryIO

from oss_audio_core.audio_convert.containers.wave_chunks import valid_bits_position

_ALL = struct.pack("<H", 32)


class AllBitsValid:
    """What `av.open` needs of a file, with two bytes of the header replaced.

    Args:
        file: a wav file with `has_unused_bits`; its position is moved.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = valid_bits_position(file)

    def read(self, size: int) -> bytes:
        """Bytes from the position on, fewer at the end."""
        begin = self._file.tell()
        content = self._file.read(size)
        first, last = max(begin, self._at), min(begin + len(content), self._at + len(_ALL))
        if first >= last:
            return content
        return content[: first - begin] + _ALL[first - self._at : last - self._at] + content[last - begin :]

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As a file's."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As a file's."""
        return self._file.tell()
