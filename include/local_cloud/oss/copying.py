"""CopyObject: a second object with the same content, made on the server."""

from __future__ import annotations

import functools

from include.local_cloud.interfaces import NoSuchKey, ObjectInfo
from include.local_cloud.oss.addressing import split_path
from include.local_cloud.oss.attributes import attributes_of, etag_headers, refuse_unsupported_headers
from include.local_cloud.oss.conditions import Outcome, evaluate
from include.local_cloud.oss.context import Context
from include.local_cloud.oss.errors import OssError, invalid_argument, not_implemented
from include.local_cloud.oss.http import Call, Reply, iso_date, xml_reply
from include.local_cloud.oss.objects import (
    file_already_exists,
    forbids_overwrite,
    precondition_failed,
)
from include.local_cloud.oss.xml import document
from include.local_cloud.store.objects import ObjectExists
from include.local_cloud.store.records import Attributes

LARGEST_COPY = 1 << 30
"""Bytes of one CopyObject at most; above it UploadPartCopy is to be used."""
_TRIES = 5


async def copy_object(context: Context, call: Call) -> Reply:
    """PUT /bucket/key with `x-oss-copy-source`; the directives say whose metadata and tags it gets."""
    refuse_unsupported_headers(call.headers)
    await call.body()
    info = await context.blocking(functools.partial(_copy, context, call))
    if info is None:
        return Reply(304)
    result = document(
        "CopyObjectResult",
        [("LastModified", iso_date(info.last_modified)), ("ETag", f'"{info.etag}"')],
    )
    return xml_reply(result, {**etag_headers(info), "x-oss-hash-crc64ecma": str(info.crc64)})


def _copy(context: Context, call: Call) -> ObjectInfo | None:
    bucket, key = _source(call)
    for _ in range(_TRIES):
        source = context.store.head(bucket, key)
        outcome = evaluate(call.headers, source, "x-oss-copy-source-")
        if outcome is Outcome.NOT_MODIFIED:
            return None
        if outcome is Outcome.PRECONDITION_FAILED:
            raise precondition_failed()
        if source.size > LARGEST_COPY:
            raise OssError(
                400,
                "EntityTooLarge",
                f"The copy source has {source.size} bytes; CopyObject takes {LARGEST_COPY} at most."
                " Use UploadPartCopy.",
            )
        try:
            return context.store.copy(
                source,
                call.bucket,
                call.key,
                _attributes(call, source),
                overwrite=not forbids_overwrite(call),
            )
        except ObjectExists:
            raise file_already_exists(call.key) from None
        except NoSuchKey:
            continue  # the source was overwritten between the look and the copy: look again
    raise OssError(503, "ServiceUnavailable", "The copy source changes too fast to be copied. Try again.")


def _source(call: Call) -> tuple[str, str]:
    """Bucket and key of `x-oss-copy-source: /bucket/key`, URL-encoded."""
    text = call.headers["x-oss-copy-source"]
    path, _, version = text.partition("?")
    if version:
        raise not_implemented("object versions")
    bucket, key = split_path(path.encode("latin-1"), None)
    if bucket is None or not key:
        raise invalid_argument(
            "x-oss-copy-source", text, "Copy Source must mention the source bucket and key: /bucket/key."
        )
    return bucket, key


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
    )


def _replaces(call: Call, directive: str) -> bool:
    value = call.headers.get(directive, "COPY")
    if value.upper() not in ("COPY", "REPLACE"):
        raise invalid_argument(directive, value, f"Unknown {directive}: COPY or REPLACE is allowed.")
    return value.upper() == "REPLACE"
