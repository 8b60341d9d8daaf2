"""Copying an object on the server in parts: OSS copies no more than 1 GiB in one request.

The parts are invisible until one request makes them the object. After the source is removed and every such upload is
aborted (`part_uploads`), no copy that is incomplete can be completed any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from oss_audio_core.oss import with_retries
from oss_audio_core.oss.sdk import load_oss2

LIMIT = 2**30
"""Bytes that OSS copies in one request (CopyObject: "less than or equal to 1 GB")."""

PART = 256 * 2**20
"""Bytes of one part; OSS takes 100 KiB to 5 GiB, and 10,000 parts."""


class CopyDiffersError(Exception):
    """The copy differs from its source in size or CRC-64. It was removed again."""


@dataclass(frozen=True)
class Source:
    """The very bytes to copy: an object, its ETag, its size in bytes, its CRC-64 in decimal where it is known."""

    bucket: str
    key: str
    etag: str
    size: int
    crc64: str | None


class UploadRecord(Protocol):
    """Where a copy records its upload, so that another process can abort it."""

    def begin(self, upload_id: str) -> None:
        """An upload was begun; no part of it is copied before this returns."""

    def end(self, upload_id: str) -> None:
        """An upload was completed or aborted."""


def copy_in_parts(
    bucket: Any,
    source: Source,
    key: str,
    headers: Mapping[str, str],
    record: UploadRecord,
    condition: Mapping[str, str] | None = None,
) -> str:
    """Copy an object within a region, part by part, and compare size and CRC-64 of the whole.

    An upload that fails is aborted. The ETag differs from the source's: it is made of those of the parts.

    Args:
        bucket: an `oss2.Bucket` of the target.
        source: the object to copy.
        key: of the copy.
        headers: of the new object: content type, tags.
        record: of the upload.
        condition: headers of the condition on the key, for the beginning and the end of the upload.

    Returns:
        The new object's ETag.

    Raises:
        CopyDiffersError: the copy has another size or checksum.
        oss2.exceptions.OssError: OSS refused; status 404 and 412 when the source is gone or has changed.
        requests.RequestException: the connection broke while an answer was read.
    """
    import requests

    oss2 = load_oss2()
    # A second upload without parts costs nothing; a second completion gets NoSuchUpload.
    begun_with = {**headers, **(condition or {})}
    upload = with_retries(lambda: bucket.init_multipart_upload(key, headers=begun_with)).upload_id
    unchanged = {"x-oss-copy-source-if-match": f'"{source.etag}"'}
    parts: list[Any] = []
    # oss2 leaves some answers unread, and a connection with an unread answer can't be used again.
    try:
        record.begin(upload)
        for number, start in enumerate(range(0, source.size, PART), 1):
            end = min(start + PART, source.size) - 1
            part = (source.bucket, source.key, (start, end), key, upload, number, unchanged)
            copied = with_retries(partial(bucket.upload_part_copy, *part))
            copied.resp.read()
            parts.append(oss2.models.PartInfo(number, copied.etag))
        made = with_retries(lambda: bucket.complete_multipart_upload(key, upload, parts, headers=dict(condition or {})))
        made.resp.read()
    except BaseException:
        # Where OSS can't be reached, that is what the copy fails with; the record stays for a later abort.
        with suppress(oss2.exceptions.RequestError, requests.exceptions.RequestException):
            abort(bucket, key, upload)
            record.end(upload)
        raise
    record.end(upload)
    etag = str(made.etag).strip('"')
    head = bucket.head_object(key, headers={"If-Match": f'"{etag}"'})
    expected = f"{source.size} bytes, CRC-64 {source.crc64 or 'unknown'}"
    found = f"{head.content_length} bytes, CRC-64 {head.server_crc}"
    if head.content_length != source.size or source.crc64 not in {None, str(head.server_crc)}:
        bucket.delete_object(key)
        raise CopyDiffersError(
            f"the copy of oss://{source.bucket}/{source.key} in parts has {found} instead of {expected}"
        )
    return etag


def abort(bucket: Any, key: str, upload: str) -> None:
    """Abort an upload of the catalogue's own; one that is over already is no error.

    Raises:
        oss2.exceptions.OssError, requests.RequestException: OSS refused or can't be reached.
    """
    import oss2

    with suppress(oss2.exceptions.NoSuchUpload):
        bucket.abort_multipart_upload(key, upload).resp.read()
