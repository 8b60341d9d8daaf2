"""ListParts and ListMultipartUploads."""

from __future__ import annotations

from oss_local_cloud.oss.context import Context
from oss_local_cloud.oss.encoding import encoding
from oss_local_cloud.oss.http import Call, Reply, iso_date, whole_number, xml_reply
from oss_local_cloud.oss.multipart import MOST_PARTS, no_such_upload, upload_id
from oss_local_cloud.oss.xml import Element, document
from oss_local_cloud.store.uploads import NoSuchUpload

MOST_LISTED = 1000
"""Parts or uploads on one page at most, and by default."""


async def list_parts(context: Context, call: Call) -> Reply:
    """GET /bucket/key?uploadId: the parts above `part-number-marker`, `max-parts` on a page."""
    encode, encoding_type = encoding(call)
    upload = upload_id(call)
    limit = whole_number("max-parts", call.parameter("max-parts") or str(MOST_LISTED), 1, MOST_LISTED)
    marker = whole_number("part-number-marker", call.parameter("part-number-marker") or "0", 0, MOST_PARTS)
    try:
        found = context.store.uploads.find(call.bucket, call.key, upload)
    except NoSuchUpload:
        raise no_such_upload(upload) from None
    parts = await context.blocking(lambda: context.store.uploads.parts(upload, after=marker, limit=limit + 1))
    page = parts[:limit]
    listed: list[Element] = [
        (
            "Part",
            [
                ("PartNumber", str(part.number)),
                ("LastModified", iso_date(part.last_modified)),
                ("ETag", f'"{part.etag}"'),
                ("HashCrc64ecma", str(part.crc64)),
                ("Size", str(part.size)),
            ],
        )
        for part in page
    ]
    return xml_reply(
        document(
            "ListPartsResult",
            [
                *encoding_type,
                ("Bucket", call.bucket),
                ("Key", encode(call.key)),
                ("UploadId", upload),
                ("StorageClass", found.attributes.storage_class),
                ("PartNumberMarker", str(marker)),
                ("NextPartNumberMarker", str(page[-1].number) if page else ""),
                ("MaxParts", str(limit)),
                ("IsTruncated", "true" if len(parts) > limit else "false"),
                *listed,
            ],
        )
    )


async def list_multipart_uploads(context: Context, call: Call) -> Reply:
    """GET /bucket?uploads: by key and then id, after `key-marker` and `upload-id-marker`."""
    encode, encoding_type = encoding(call)
    limit = whole_number("max-uploads", call.parameter("max-uploads") or str(MOST_LISTED), 1, MOST_LISTED)
    prefix, delimiter = call.parameter("prefix"), call.parameter("delimiter")
    key_after = call.parameter("key-marker")
    id_after = call.parameter("upload-id-marker") if key_after else ""
    page = await context.blocking(
        lambda: context.store.uploads.list(
            call.bucket, prefix=prefix, delimiter=delimiter, key_after=key_after, id_after=id_after, limit=limit
        )
    )
    next_key, next_id = page.next_after or ("", "")
    listed: list[Element] = [
        (
            "Upload",
            [
                ("Key", encode(upload.key)),
                ("UploadId", upload.id),
                ("StorageClass", upload.storage_class),
                ("Initiated", iso_date(upload.initiated)),
            ],
        )
        for upload in page.uploads
    ]
    return xml_reply(
        document(
            "ListMultipartUploadsResult",
            [
                *encoding_type,
                ("Bucket", call.bucket),
                ("KeyMarker", encode(key_after)),
                ("UploadIdMarker", id_after),
                ("NextKeyMarker", encode(next_key)),
                ("NextUploadIdMarker", next_id),
                ("Delimiter", encode(delimiter)),
                ("Prefix", encode(prefix)),
                ("MaxUploads", str(limit)),
                ("IsTruncated", "false" if page.next_after is None else "true"),
                *listed,
                *(("CommonPrefixes", [("Prefix", encode(folded))]) for folded in page.common_prefixes),
            ],
        )
    )
