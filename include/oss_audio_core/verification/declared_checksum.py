"""The checksum that a file carries of its own audio: flac's MD5 of all samples, LAME's CRC-16 of all mp3 frames.

It finds damage that still decodes, as nearly every flipped bit in mp3 does.
"""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet

from oss_audio_core.audio_convert.containers.mp3_header import crc16, read_mp3_header

_STREAMINFO_BYTES = 34
_MD5_AT = 18
_HEAD_BYTES = 128 * 1024


class DeclaredChecksum:
    """Compares while the file is read: every packet and every decoded frame has to be added."""

    def __init__(self, stream: AudioStream, file: BinaryIO) -> None:
        context = stream.codec_context
        codec = context.codec.canonical_name
        header = context.extradata or b""
        self._md5: hashlib._Hash | None = None
        self._declared_md5 = header[_MD5_AT:_STREAMINFO_BYTES]
        self._crc = 0
        self._declared_crc: int | None = None
        self._header_whole: bool | None = None
        if codec == "flac" and len(self._declared_md5) == 16 and any(self._declared_md5):
            self._bits = (int.from_bytes(header[10:14], "big") >> 4 & 0x1F) + 1
            self._md5 = hashlib.md5(usedforsecurity=False) if self._bits in {16, 24} else None
        elif codec == "mp3":
            position = file.tell()
            file.seek(0)
            mp3_header = read_mp3_header(file.read(_HEAD_BYTES))
            file.seek(position)
            if mp3_header is not None:
                self._declared_crc, self._header_whole = mp3_header.music_crc, mp3_header.whole

    def add_packet(self, packet: Packet[AudioStream]) -> None:
        """Every packet in its order."""
        if self._declared_crc is not None:
            self._crc = crc16(memoryview(packet), self._crc)

    def add_frame(self, frame: AudioFrame) -> None:
        """Every decoded frame in its order, as the decoder gave it."""
        if self._md5 is None:
            return
        samples = frame.to_ndarray()
        if frame.format.is_planar:
            samples = samples.T
        data = samples.tobytes()
        if self._bits == 24:
            # Decoded into the upper three of four bytes; the lowest one comes first.
            parts = bytearray(len(data) // 4 * 3)
            for byte in range(3):
                parts[byte::3] = data[byte + 1 :: 4]
            data = bytes(parts)
        self._md5.update(data)

    @property
    def matches(self) -> bool | None:
        """After the last frame: whether the audio is what the header says; None where it says nothing."""
        if self._md5 is not None:
            return self._md5.digest() == self._declared_md5
        if self._declared_crc is not None:
            return self._crc == self._declared_crc and self._header_whole is not False
        return None
