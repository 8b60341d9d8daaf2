"""The two checksums OSS keeps of every object, computed while its bytes are written.

MD5 is the ETag of an object written by one PUT. CRC-64 (polynomial 0x142F0E1EBA9EA3693, reflected, initial
and final xor of all ones, also called CRC-64/XZ) is also computed by the SDKs, which compare it with the response
header `x-oss-hash-crc64ecma`.
"""

from __future__ import annotations

import functools
import hashlib
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import crcmod

BLOCK = 1 << 20
"""Bytes read from a file at a time."""

POLYNOMIAL = 0xC96C5795D7870F42
"""The polynomial in the reflected form, whose highest bit is x⁰."""

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
        """Add the next bytes of the stream."""
        self._md5.update(data)
        self.crc64 = _crc64(data, self.crc64)
        self.size += len(data)

    @property
    def etag(self) -> str:
        """MD5 in upper-case hex, as OSS writes an ETag (without its quotes)."""
        return self._md5.hexdigest().upper()

    @property
    def md5(self) -> bytes:
        """The MD5 itself."""
        return self._md5.digest()

    @property
    def content_md5(self) -> str:
        """MD5 in Base64, as the Content-MD5 header carries it (RFC 1864)."""
        return b64encode(self.md5).decode("ascii")


def file_checksums(path: Path) -> Checksums:
    """Checksums of a whole file, read in blocks."""
    checksums = Checksums()
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            checksums.update(block)
    return checksums


def combine_crc64(first: int, second: int, second_size: int) -> int:
    """CRC-64 of two concatenated byte strings, from the CRC-64 of each and the second one's size in bytes.

    Appending n zero bytes multiplies a CRC by x⁸ⁿ modulo the polynomial; initial and final inversion cancel.
    """
    return _multiply(first, _power_of_x(8 * second_size)) ^ second


@functools.lru_cache(maxsize=256)
def _power_of_x(exponent: int) -> int:
    power, bit = 1 << 63, 0  # 1, in the reflected form
    while exponent >> bit:
        if exponent >> bit & 1:
            power = _multiply(power, _square_of_x(bit))
        bit += 1
    return power


@functools.cache
def _square_of_x(count: int) -> int:
    """x, squared `count` times."""
    if count == 0:
        return 1 << 62
    half = _square_of_x(count - 1)
    return _multiply(half, half)


def _multiply(left: int, right: int) -> int:
    """The product of two reflected polynomials modulo the CRC's."""
    product = 0
    for position in range(63, -1, -1):
        if left >> position & 1:
            product ^= right
        right = right >> 1 ^ (POLYNOMIAL if right & 1 else 0)
    return product
