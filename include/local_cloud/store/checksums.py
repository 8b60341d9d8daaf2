"""The two checksums OSS keeps of every object, computed while its bytes pass by.

MD5 is the ETag of an object written by one PUT. CRC-64 (polynomial 0x142F0E1EBA9EA3693, reflected, initial
and final xor of all ones, also called CRC-64/XZ) is what the SDKs compute too and compare with the response
header `x-oss-hash-crc64ecma`.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import crcmod

BLOCK = 1 << 20
"""Bytes read from a file at a time."""

_crc64: Callable[[bytes, int], int] = crcmod.mkCrcFun(
    0x142F0E1EBA9EA3693, initCrc=0, xorOut=0xFFFFFFFFFFFFFFFF, rev=True
)


class Checksums:
    """Running MD5 and CRC-64 of a stream of bytes, and its length in bytes."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.crc64 = 0
        self.size = 0

    def update(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        self._md5.update(data)
        self.crc64 = _crc64(data, self.crc64)
        self.size += len(data)

    @property
    def etag(self) -> str:
        """MD5 in upper-case hex, as OSS writes an ETag (without its quotes)."""
        return self._md5.hexdigest().upper()

    @property
    def content_md5(self) -> str:
        """MD5 in Base64, as the Content-MD5 header carries it (RFC 1864)."""
        return b64encode(self._md5.digest()).decode("ascii")


def checksums_of_file(path: Path) -> Checksums:
    """Checksums of a whole file, read in blocks."""
    sums = Checksums()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            sums.update(block)
    return sums
