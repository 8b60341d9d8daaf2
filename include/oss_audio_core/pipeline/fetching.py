"""Reading objects for verification: whole, with the checksum on the way, or two ranges of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import takewhile
from typing import Any, BinaryIO

import crcmod

from oss_audio_core.oss import OssSettings
from oss_audio_core.oss.key_order import key_before
from oss_audio_core.oss.sdk import Oss2Bucket
from oss_audio_core.verification import StoredBytes

PIECE = 256 * 1024
"""Bytes that are in memory at once while an object is fetched."""

_crc64 = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, initCrc=0, rev=True, xorOut=0xFFFFFFFFFFFFFFFF)
"""CRC-64/XZ, as x-oss-hash-crc64ecma has it. oss2 makes the same one, but anew for every object: 2 ms of Python."""


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """An object that was read whole: its ETag, type and CRC-64 (decimal) as OSS tells them, and what was read."""

    etag: str
    content_type: str | None
    crc64: str | None
    stored: StoredBytes

    @property
    def whole(self) -> bool:
        """Whether what was read is what is stored, as far as OSS tells."""
        stored = self.stored
        return stored.size == stored.header_size and stored.header_crc64 in {None, stored.crc64}


@dataclass(frozen=True)
class Listed:
    """An object as a listing shows it: ETag, and size in bytes."""

    etag: str
    size: int


class Reader:
    """Clients of all buckets over one pool of connections; threads may share it."""

    def __init__(self, settings: OssSettings) -> None:
        self._settings = settings
        self._session = settings.session()
        self.bucket = cache(self._bucket)

    def fetch(self, bucket: str, key: str, file: BinaryIO, *, etag: str | None = None) -> Fetched:
        """Read an object whole into an empty file, by one GET; bytes that were damaged on the way are read once more.

        With an `etag` only an object that has it is read (`oss2.exceptions.PreconditionFailed`).
        """
        fetched = self._fetch(bucket, key, file, etag)
        if fetched.whole:
            return fetched
        file.seek(0)
        file.truncate()
        return self._fetch(bucket, key, file, fetched.etag)

    def in_ranges(self, bucket: str, key: str) -> Ranges:
        """An object that is read in parts."""
        return Ranges(self.bucket(bucket), key)

    def look_up(self, bucket: str, keys: Collection[str]) -> dict[str, Listed]:
        """What a listing shows of the given objects; those that are not there are left out.

        A page has a thousand objects; where the keys lie far apart, each page begins at the next one of them.
        """
        found: dict[str, Listed] = {}
        wanted = sorted(keys)
        prefix = _common_prefix(wanted)
        after = ""
        most = 1000 if len(wanted) > 1 else 1
        while wanted:
            after = max(after, key_before(wanted[0]))
            page = self.bucket(bucket).list_objects_v2(prefix=prefix, start_after=after, max_keys=most)
            objects = {one.key: Listed(one.etag.strip('"'), one.size) for one in page.object_list}
            found |= {key: objects[key] for key in wanted if key in objects}
            if not page.is_truncated:
                break
            after = page.object_list[-1].key
            wanted = [key for key in wanted if key > after]
        return found

    def _fetch(self, bucket: str, key: str, file: BinaryIO, etag: str | None) -> Fetched:
        answer = self.bucket(bucket).get_object(key, headers=_only(etag))
        size = crc = 0
        try:
            while piece := answer.read(PIECE):
                file.write(piece)
                size += len(piece)
                crc = _crc64(piece, crc)
            file.flush()
        except BaseException:
            # Half an answer is on the connection, as when the disk is full.
            answer.close()
            raise
        declared = answer.content_length
        stored = StoredBytes(
            size=size,
            crc64=crc,
            header_size=size if declared is None else declared,
            header_crc64=answer.server_crc,
        )
        return Fetched(etag=_etag(answer), content_type=answer.content_type, crc64=_decimal(answer), stored=stored)

    def _bucket(self, name: str) -> Oss2Bucket:
        client = self._settings.bucket(name, session=self._session)
        client.enable_crc = False
        return client


class Ranges:
    """Reads parts of one object; `etag`, `content_type` and `crc64` are known after the first one.

    Later parts are read of the same content only (`oss2.exceptions.PreconditionFailed`).
    """

    def __init__(self, bucket: Oss2Bucket, key: str) -> None:
        self._bucket = bucket
        self._key = key
        self.etag = ""
        self.content_type: str | None = None
        self.crc64: str | None = None

    def __call__(self, start: int, length: int) -> tuple[bytes, int]:
        """`length` bytes from `start`, fewer at the end; and the size of the whole object."""
        answer = self._bucket.get_object(
            self._key, byte_range=(start, start + length - 1), headers=_only(self.etag or None)
        )
        self.etag, self.content_type, self.crc64 = _etag(answer), answer.content_type, _decimal(answer)
        if answer.content_range is None:
            # OSS answers so when there is no such range: an empty object.
            body = answer.read(length) if answer.content_length else b""
            answer.close()
            return body, answer.content_length or 0
        return answer.read(), int(answer.content_range.rpartition("/")[2])


def _common_prefix(keys: Sequence[str]) -> str:
    """What sorted keys have in common at their beginnings."""
    if not keys:
        return ""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(keys[0], keys[-1], strict=False))
    return "".join(pair[0] for pair in pairs)


def _only(etag: str | None) -> dict[str, str]:
    return {} if etag is None else {"If-Match": f'"{etag}"'}


def _etag(answer: Any) -> str:
    return str(answer.etag).strip('"')


def _decimal(answer: Any) -> str | None:
    return None if answer.server_crc is None else str(answer.server_crc)
