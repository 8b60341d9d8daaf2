"""CopyObject and UploadPartCopy: content of another object, copied on the server."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TypeVar

from oss_local_cloud.interfaces import NoSuchKey, ObjectInfo
from oss_local_cloud.oss.addressing import split_path
from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.errors import OssError, invalid_argument, not_implemented
from oss_local_cloud.oss.http_messages import OssRequest, OssResponse, iso_date, xml_response
from oss_local_cloud.oss.multipart import no_such_upload, part_number, upload_id
from oss_local_cloud.oss.object_attributes import etag_headers, parse_object_attributes
from oss_local_cloud.oss.objects import (
    file_already_exists,
    forbids_overwrite,
    precondition_failed,
    require_restored,
)
from oss_local_cloud.oss.preconditions import PreconditionResult, evaluate_preconditions
from oss_local_cloud.oss.request_body import MAX_BODY_BYTES
from oss_local_cloud.oss.xml import document
from oss_local_cloud.store.multipart_uploads import NoSuchUpload
from oss_local_cloud.store.object_rows import ObjectAttributes
from oss_local_cloud.store.objects import ObjectExists
from oss_local_cloud.store.staged_content import StagedContent

MAX_COPY_BYTES = 1 << 30
"""Bytes of one CopyObject at most. Larger objects need UploadPartCopy."""
_MAX_ATTEMPTS = 5
_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{1,19})", re.ASCII)

Result = TypeVar("Result")


async def copy_object(context: ApiContext, request: OssRequest) -> OssResponse:
    """PUT /bucket/key with `x-oss-copy-source`.

    The directive headers select metadata and tags of the source or of the request. The copy of a symlink is a symlink.
    """
    await request.body()

    def copy(source: ObjectInfo) -> ObjectInfo:
        if source.size > MAX_COPY_BYTES:
            raise OssError(
                400,
                "EntityTooLarge",
                f"The copy source has {source.size} bytes; CopyObject takes {MAX_COPY_BYTES} at most."
                " Use UploadPartCopy.",
            )
        overwrite = not forbids_overwrite(request)
        return context.store.copy(
            source, request.bucket, request.key, _attributes(request, source), overwrite=overwrite
        )

    try:
        info = await context.blocking(functools.partial(_with_source, context, request, context.store.entry, copy))
    except ObjectExists:
        raise file_already_exists(request.key) from None
    if info is None:
        return OssResponse(304)
    result = document(
        "CopyObjectResult",
        [("LastModified", iso_date(info.last_modified)), ("ETag", f'"{info.etag}"')],
    )
    return xml_response(result, {**etag_headers(info), "x-oss-hash-crc64ecma": str(info.crc64)})


async def upload_part_copy(context: ApiContext, request: OssRequest) -> OssResponse:
    """PUT /bucket/key?partNumber&uploadId with `x-oss-copy-source`: a part from an object, or from a range of it."""
    number, upload = part_number(request), upload_id(request)
    await request.body()
    ranges: list[str] = []

    def stage(source: ObjectInfo) -> StagedContent:
        start, length = _range(request, source)
        if length > MAX_BODY_BYTES:
            raise OssError(400, "EntityTooLarge", f"A part can't have more than {MAX_BODY_BYTES} bytes.")
        if length < source.size:
            ranges.append(f"bytes {start}-{start + length - 1}/{source.size}")
        staged = context.store.stage()
        try:
            staged.copy(source.path, start, length)
            staged.finish()
        except FileNotFoundError:
            staged.discard()
            raise NoSuchKey(source.bucket, source.key) from None
        except BaseException:
            staged.discard()
            raise
        return staged

    try:
        context.store.uploads.find(request.bucket, request.key, upload)
        staged = await context.blocking(functools.partial(_with_source, context, request, context.store.head, stage))
        if staged is None:
            return OssResponse(304)
        part = await context.store.uploads.put_part(request.bucket, request.key, upload, number, staged)
    except NoSuchUpload:
        raise no_such_upload(upload) from None
    result = document(
        "CopyPartResult",
        [("LastModified", iso_date(part.last_modified)), ("ETag", f'"{part.etag}"')],
    )
    headers = {"etag": f'"{part.etag}"', "x-oss-hash-crc64ecma": str(part.crc64)}
    if ranges:
        headers["content-range"] = ranges[-1]
    return xml_response(result, headers)


def _with_source(
    context: ApiContext,
    request: OssRequest,
    lookup: Callable[[str, str], ObjectInfo],
    make: Callable[[ObjectInfo], Result],
) -> Result | None:
    """Call `make` with the copy source when the preconditions hold, else return None (304 Not Modified)."""
    bucket, key = _source(request)
    for _ in range(_MAX_ATTEMPTS):
        source = lookup(bucket, key)
        require_restored(source, context.store.now())
        result = evaluate_preconditions(request.headers, source, "x-oss-copy-source-")
        if result is PreconditionResult.NOT_MODIFIED:
            return None
        if result is PreconditionResult.FAILED:
            raise precondition_failed()
        try:
            return make(source)
        except NoSuchKey:
            continue  # the source was overwritten between lookup and copy
    raise OssError(503, "ServiceUnavailable", "The copy source changes too fast to be copied. Try again.")


def _source(request: OssRequest) -> tuple[str, str]:
    """Bucket and key of `x-oss-copy-source: /bucket/key`, URL-encoded."""
    text = request.headers["x-oss-copy-source"]
    path, _, version = text.partition("?")
    if version:
        raise not_implemented("object versions")
    bucket, key = split_path(path.encode("latin-1"), None) if path.startswith("/") else (None, "")
    if bucket is None or not key:
        raise invalid_argument(
            "x-oss-copy-source", text, "Copy Source must mention the source bucket and key: /bucket/key."
        )
    return bucket, key


def _range(request: OssRequest, source: ObjectInfo) -> tuple[int, int]:
    """First byte and length of `x-oss-copy-source-range`; a header of any other form selects the whole object."""
    match = _RANGE.fullmatch(request.headers.get("x-oss-copy-source-range", ""))
    if match is None:
        return 0, source.size
    first, last = map(int, match.groups())
    if not first <= last < source.size:
        raise OssError(
            416, "InvalidRange", f"The copy source has {source.size} bytes; bytes {first} to {last} aren't in it."
        )
    return first, last - first + 1


def _attributes(request: OssRequest, source: ObjectInfo) -> ObjectAttributes:
    """Metadata and tags of the copy. A copy onto itself always replaces the metadata."""
    own = parse_object_attributes(request.headers)
    onto_itself = (source.bucket, source.key) == (request.bucket, request.key)
    replace_metadata = _is_replaced(request, "x-oss-metadata-directive") or onto_itself
    replace_tags = _is_replaced(request, "x-oss-tagging-directive")
    return ObjectAttributes(
        content_type=own.content_type if replace_metadata else source.content_type,
        headers=own.headers if replace_metadata else source.headers,
        metadata=own.metadata if replace_metadata else source.metadata,
        tags=own.tags if replace_tags else source.tags,
        storage_class=own.storage_class,
        acl=own.acl,
    )


def _is_replaced(request: OssRequest, directive: str) -> bool:
    value = request.headers.get(directive, "COPY")
    if value.upper() not in ("COPY", "REPLACE"):
        raise invalid_argument(directive, value, f"Unknown {directive}: COPY or REPLACE is allowed.")
    return value.upper() == "REPLACE"
