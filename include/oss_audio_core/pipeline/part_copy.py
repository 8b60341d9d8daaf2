"""Copying an object on the server in parts: OSS copies no more than 1 GiB in one request.

The parts lie beside the final key, unseen, until one request makes them the object. Whoever removes the source and then
ends every such upload (`end_part_copies`) can be sure that no copy which has not been completed yet ever will be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from oss_audio_core.oss import patiently
from oss_audio_core.oss.sdk import load_oss2

LIMIT = 2**30
"""Bytes that OSS copies in one request (CopyObject: "less than or equal to 1 GB")."""

PART = 256 * 2**20
"""Bytes of one part; OSS takes 100 KiB to 5 GiB, and 10,000 parts."""


class CopyDiffersError(Exception):
    """The copy is not, byte for byte, what it was made of; it was removed again."""


@dataclass(frozen=True)
class Source:
    """The very bytes to copy: an object, its ETag, its size in bytes, its CRC-64 in decimal where it is known."""

    bucket: str
    key: str
    etag: str
    size: int
    crc64: str | None


def copy_in_parts(bucket: Any, source: Source, key: str, headers: Mapping[str, str]) -> str:
    """Copy an object within a region, part by part, and compare size and CRC-64 of the whole.

    An upload that fails is aborted. The ETag is another one than the source's: it is made of the parts'.

    Args:
        bucket: an `oss2.Bucket` of the target.
        headers: of the new object: content type, tags.

    Returns:
        The new object's ETag.

    Raises:
        CopyDiffersError: the copy has another size or checksum.
        oss2.exceptions.OssError, requests.RequestException: 404 and 412 when the source is gone or has changed.
    """
    oss2 = load_oss2()
    # A second upload without parts costs nothing; a second completion is told that there is no such upload.
    upload = patiently(lambda: bucket.init_multipart_upload(key, headers=dict(headers))).upload_id
    unchanged = {"x-oss-copy-source-if-match": f'"{source.etag}"'}
    parts: list[Any] = []
    # oss2 leaves some answers unread, and a connection with one can't be used again.
    try:
        for number, start in enumerate(range(0, source.size, PART), 1):
            end = min(start + PART, source.size) - 1
            part = (source.bucket, source.key, (start, end), key, upload, number, unchanged)
            copied = patiently(partial(bucket.upload_part_copy, *part))
            copied.resp.read()
            parts.append(oss2.models.PartInfo(number, copied.etag))
        made = patiently(lambda: bucket.complete_multipart_upload(key, upload, parts))
        made.resp.read()
    except BaseException:
        _abort(bucket, key, upload)
        raise
    etag = str(made.etag).strip('"')
    there = bucket.head_object(key, headers={"If-Match": f'"{etag}"'})
    expected = f"{source.size} bytes, CRC-64 {source.crc64 or 'unknown'}"
    found = f"{there.content_length} bytes, CRC-64 {there.server_crc}"
    if there.content_length != source.size or source.crc64 not in {None, str(there.server_crc)}:
        bucket.delete_object(key)
        raise CopyDiffersError(
            f"the copy of oss://{source.bucket}/{source.key} in parts has {found} instead of {expected}"
        )
    return etag


def end_part_copies(bucket: Any, key: str) -> None:
    """Abort every upload in parts to a key that is not completed; one that ends meanwhile is as good."""
    # A prefix: the keys that only begin like this one come after it.
    for upload in load_oss2().MultipartUploadIterator(bucket, prefix=key):
        if upload.key != key:
            return
        _abort(bucket, key, upload.upload_id)


def _abort(bucket: Any, key: str, upload: str) -> None:
    import oss2
    import requests

    try:
        bucket.abort_multipart_upload(key, upload).resp.read()
    except (oss2.exceptions.NoSuchUpload, oss2.exceptions.RequestError, requests.exceptions.RequestException):
        # It is over already; or OSS can't be reached, and the first error says so.
        return
