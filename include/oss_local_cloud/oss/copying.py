"""CopyObject and UploadPartCopy: content that comes from another object, without leaving the server."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TypeVar

from oss_local_cloud.interfaces import NoSuchKey, ObjectInfo
from oss_local_cloud.oss.addressing import split_path
from oss_local_cloud.oss.attributes import attributes_of, etag_headers
from oss_local_cloud.oss.conditions import Outcome, evaluate
from oss_local_cloud.oss.context import Context
from oss_local_cloud.oss.errors import OssError, invalid_argument, not_implemented
from oss_local_cloud.oss.http import Call, Reply, iso_date, xml_reply
from oss_local_cloud.oss.multipart import no_such_upload, part_number, upload_id
from oss_local_cloud.oss.objects import (
    file_already_exists,
    forbids_overwrite,
    precondition_failed,
    refuse_frozen,
)
from oss_local_cloud.oss.receiving import LARGEST_BODY
from oss_local_cloud.oss.xml import document
from oss_local_cloud.store.content import StagedContent
from oss_local_cloud.store.objects import ObjectExists
from oss_local_cloud.store.records import Attributes
from oss_local_cloud.store.uploads import NoSuchUpload

LARGEST_COPY = 1 << 30
"""Bytes of one CopyObject at most; above it UploadPartCopy is to be used."""
_TRIES = 5
_RANGE = re.compile(r"bytes=(\d{1,19})-(\d{1,19})", re.ASCII)

Result = TypeVar("Result")


async def copy_object(context: Context, call: Call) -> Reply:
    """PUT /bucket/key with `x-oss-copy-source`; the directives say whose metadata and tags it gets. Of a link, the
    copy is another link.
    """
    await call.body()

    def copy(source: ObjectInfo) -> ObjectInfo:
        if source.size > LARGEST_COPY:
            raise OssError(
                400,
                "EntityTooLarge",
                f"The copy source has {source.size} bytes; CopyObject takes {LARGEST_COPY} at most."
                " Use UploadPartCopy.",
            )
        overwrite = not forbids_overwrite(call)
        return context.store.copy(source, call.bucket, call.key, _attributes(call, source), overwrite=overwrite)

    try:
        info = await context.blocking(functools.partial(_from_source, context, call, context.store.entry, copy))
    except ObjectExists:
        raise file_already_exists(call.key) from None
    if info is None:
        return Reply(304)
    result = document(
        "CopyObjectResult",
        [("LastModified", iso_date(info.last_modified)), ("ETag", f'"{info.etag}"')],
    )
    return xml_reply(result, {**etag_headers(info), "x-oss-hash-crc64ecma": str(info.crc64)})


async def upload_part_copy(context: Context, call: Call) -> Reply:
    """PUT /bucket/key?partNumber&uploadId with `x-oss-copy-source`: a part from an object, or from a range of it."""
    number, upload = part_number(call), upload_id(call)
    await call.body()
    ranges: list[str] = []

    def stage(source: ObjectInfo) -> StagedContent:
        start, length = _range(call, source)
        if length > LARGEST_BODY:
            raise OssError(400, "EntityTooLarge", f"A part can't have more than {LARGEST_BODY} bytes.")
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
        context.store.uploads.find(call.bucket, call.key, upload)
        staged = await context.blocking(functools.partial(_from_source, context, call, context.store.head, stage))
        if staged is None:
            return Reply(304)
        part = await context.store.uploads.put_part(call.bucket, call.key, upload, number, staged)
    except NoSuchUpload:
        raise no_such_upload(upload) from None
    result = document(
        "CopyPartResult",
        [("LastModified", iso_date(part.last_modified)), ("ETag", f'"{part.etag}"')],
    )
    headers = {"etag": f'"{part.etag}"', "x-oss-hash-crc64ecma": str(part.crc64)}
    if ranges:
        headers["content-range"] = ranges[-1]
    return xml_reply(result, headers)


def _from_source(
    context: Context,
    call: Call,
    look: Callable[[str, str], ObjectInfo],
    make: Callable[[ObjectInfo], Result],
) -> Result | None:
    """Do something with the copy source when the conditions hold; None when it is to be 304."""
    bucket, key = _source(call)
    for _ in range(_TRIES):
        source = look(bucket, key)
        refuse_frozen(source, context.store.now())
        outcome = evaluate(call.headers, source, "x-oss-copy-source-")
        if outcome is Outcome.NOT_MODIFIED:
            return None
        if outcome is Outcome.PRECONDITION_FAILED:
            raise precondition_failed()
        try:
            return make(source)
        except NoSuchKey:
            continue  # the source was overwritten between the look and the copy: look again
    raise OssError(503, "ServiceUnavailable", "The copy source changes too fast to be copied. Try again.")


def _source(call: Call) -> tuple[str, str]:
    """Bucket and key of `x-oss-copy-source: /bucket/key`, URL-encoded."""
    text = call.headers["x-oss-copy-source"]
    path, _, version = text.partition("?")
    if version:
        raise not_implemented("object versions")
    bucket, key = split_path(path.encode("latin-1"), None) if path.startswith("/") else (None, "")
    if bucket is None or not key:
        raise invalid_argument(
            "x-oss-copy-source", text, "Copy Source must mention the source bucket and key: /bucket/key."
        )
    return bucket, key


def _range(call: Call, source: ObjectInfo) -> tuple[int, int]:
    """First byte and length of `x-oss-copy-source-range`; a header of another form means the whole object."""
    match = _RANGE.fullmatch(call.headers.get("x-oss-copy-source-range", ""))
    if match is None:
        return 0, source.size
    first, last = map(int, match.groups())
    if not first <= last < source.size:
        raise OssError(
            416, "InvalidRange", f"The copy source has {source.size} bytes; bytes {first} to {last} aren't in it."
        )
    return first, last - first + 1


def _attributes(call: Call, source: ObjectInfo) -> Attributes:
    """Metadata and tags of the copy. A copy onto itself always replaces the metadata."""
    own = attributes_of(call.headers)
    onto_itself = (source.bucket, source.key) == (call.bucket, call.key)
    replace_metadata = _replaces(call, "x-oss-metadata-directive") or onto_itself
    replace_tags = _replaces(call, "x-oss-tagging-directive")
    return Attributes(
        content_type=own.content_type if replace_metadata else source.content_type,
        headers=own.headers if replace_metadata else source.headers,
        metadata=own.metadata if replace_metadata else source.metadata,
        tags=own.tags if replace_tags else source.tags,
        storage_class=own.storage_class,
        acl=own.acl,
    )


def _replaces(call: Call, directive: str) -> bool:
    value = call.headers.get(directive, "COPY")
    if value.upper() not in ("COPY", "REPLACE"):
        raise invalid_argument(directive, value, f"Unknown {directive}: COPY or REPLACE is allowed.")
    return value.upper() == "REPLACE"
