"""ListParts and ListMultipartUploads."""

from __future__ import annotations

from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.encoding_type import key_encoder
from oss_local_cloud.oss.http_messages import OssRequest, OssResponse, iso_date, parse_integer, xml_response
from oss_local_cloud.oss.multipart import MAX_PARTS, no_such_upload, upload_id
from oss_local_cloud.oss.xml import Element, document
from oss_local_cloud.store.multipart_uploads import NoSuchUpload

MAX_PAGE_SIZE = 1000
"""Parts or uploads on one page at most, and by default."""


async def list_parts(context: ApiContext, request: OssRequest) -> OssResponse:
    """GET /bucket/key?uploadId: the parts above `part-number-marker`, `max-parts` on a page."""
    encode, encoding_type = key_encoder(request)
    upload = upload_id(request)
    limit = parse_integer("max-parts", request.parameter("max-parts") or str(MAX_PAGE_SIZE), 1, MAX_PAGE_SIZE)
    marker = parse_integer("part-number-marker", request.parameter("part-number-marker") or "0", 0, MAX_PARTS)
    try:
        found = context.store.uploads.find(request.bucket, request.key, upload)
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
    return xml_response(
        document(
            "ListPartsResult",
            [
                *encoding_type,
                ("Bucket", request.bucket),
                ("Key", encode(request.key)),
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


async def list_multipart_uploads(context: ApiContext, request: OssRequest) -> OssResponse:
    """GET /bucket?uploads: by key and then id, after `key-marker` and `upload-id-marker`."""
    encode, encoding_type = key_encoder(request)
    limit = parse_integer("max-uploads", request.parameter("max-uploads") or str(MAX_PAGE_SIZE), 1, MAX_PAGE_SIZE)
    prefix, delimiter = request.parameter("prefix"), request.parameter("delimiter")
    key_after = request.parameter("key-marker")
    id_after = request.parameter("upload-id-marker") if key_after else ""
    page = await context.blocking(
        lambda: context.store.uploads.list(
            request.bucket, prefix=prefix, delimiter=delimiter, key_after=key_after, id_after=id_after, limit=limit
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
    return xml_response(
        document(
            "ListMultipartUploadsResult",
            [
                *encoding_type,
                ("Bucket", request.bucket),
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
