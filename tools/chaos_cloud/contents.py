"""Objects whose every version is known beforehand: what a key may hold follows from what its writer recorded."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import Any

import crcmod

from tools.chaos_cloud.sdks import oss2

VERSION_HEADER = "x-oss-meta-version"
SIZES = ((60, 4 << 10), (30, 200 << 10), (10, 3 << 20))
"""Weights and largest sizes: within one packet, within one block of the service, streamed in several."""

_crc64 = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, xorOut=0xFFFFFFFFFFFFFFFF, rev=True)


@dataclass
class History:
    """One key and its only writer: every version from `acknowledged` to `attempted` may be there, nothing else.

    Version 0 is the absence before the first write.
    """

    key: str
    acknowledged: int = 0
    attempted: int = 0


def content_of(seed: int, key: str, version: int) -> bytes | None:
    """The bytes of one version; None for a version that is a deletion."""
    if version == 0 or version % 9 == 8:
        return None
    source = random.Random(f"{seed}/{key}/{version}")
    (largest,) = source.choices([size for _, size in SIZES], [weight for weight, _ in SIZES])
    return source.randbytes(source.randint(0, largest))


def problem_with(seed: int, history: History, bucket: Any, low: int, *, whole_md5: bool = True) -> str | None:
    """Read a key and compare it with its history.

    Args:
        seed: the run's seed, from which the contents follow.
        history: what was written.
        bucket: oss2's bucket.
        low: the version that was acknowledged before this call.
        whole_md5: False for keys whose ETag is no MD5.

    Returns:
        What is wrong, None when the key holds one of the versions from `low` on.
    """
    key = history.key
    try:
        answer = bucket.get_object(key)
        body = answer.read()
    except oss2.exceptions.NoSuchKey:
        possible = range(low, history.attempted + 1)
        if any(content_of(seed, key, version) is None for version in possible):
            return None
        return f"{key}: lost; version {low} was acknowledged"
    version = int(answer.headers[VERSION_HEADER])
    if not low <= version <= history.attempted:
        return f"{key}: version {version} is there; acknowledged is {low}, written last was {history.attempted}"
    expected = content_of(seed, key, version)
    if expected is None or body != expected:
        return f"{key}: version {version} is damaged ({len(body)} bytes of {len(expected or b'')})"
    if int(answer.headers["x-oss-hash-crc64ecma"]) != _crc64(expected):
        return f"{key}: version {version} has a wrong CRC-64"
    if whole_md5 and answer.etag != hashlib.md5(expected).hexdigest().upper():
        return f"{key}: version {version} has a wrong ETag {answer.etag}"
    return None
