"""Multipart uploads: InitiateMultipartUpload, UploadPart, CompleteMultipartUpload, AbortMultipartUpload."""

from __future__ import annotations

from oss_local_cloud.interfaces import NoSuchKey
from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.encoding_type import key_encoder, url_encode
from oss_local_cloud.oss.errors import OssError, invalid_argument, malformed_xml, missing_argument
from oss_local_cloud.oss.http_messages import OssRequest, OssResponse, xml_response
from oss_local_cloud.oss.object_attributes import parse_object_attributes
from oss_local_cloud.oss.objects import file_already_exists, forbids_overwrite, write_response_headers
from oss_local_cloud.oss.request_body import read_body
from oss_local_cloud.oss.xml import document, parse
from oss_local_cloud.store.multipart_uploads import MIN_PART_BYTES, InvalidPart, NoSuchUpload, PartTooSmall
from oss_local_cloud.store.objects import ObjectExists

MAX_PARTS = 10_000
_COMPLETE_ALL = "x-oss-complete-all"


async def initiate_multipart_upload(context: ApiContext, request: OssRequest) -> OssResponse:
    """POST /bucket/key?uploads: headers, metadata, tags and storage class are the later object's."""
    encode, encoding_type = key_encoder(request)
    attributes = parse_object_attributes(request.headers)
    await request.body()
    if forbids_overwrite(request) and _exists(context, request):
        raise file_already_exists(request.key)
    upload = await context.blocking(lambda: context.store.uploads.begin(request.bucket, request.key, attributes))
    return xml_response(
        document(
            "InitiateMultipartUploadResult",
            [*encoding_type, ("Bucket", request.bucket), ("Key", encode(request.key)), ("UploadId", upload)],
        )
    )


async def upload_part(context: ApiContext, request: OssRequest) -> OssResponse:
    """PUT /bucket/key?partNumber&uploadId: durable before the response. The same number replaces the part."""
    number, upload = part_number(request), upload_id(request)
    try:
        context.store.uploads.find(request.bucket, request.key, upload)
        staged = await read_body(context, request)
        part = await context.store.uploads.put_part(request.bucket, request.key, upload, number, staged)
    except NoSuchUpload:
        raise no_such_upload(upload) from None
    return OssResponse(
        200,
        {
            "etag": f'"{part.etag}"',
            "x-oss-hash-crc64ecma": str(part.crc64),
            "content-md5": staged.checksums.content_md5,
        },
    )


async def complete_multipart_upload(context: ApiContext, request: OssRequest) -> OssResponse:
    """POST /bucket/key?uploadId: make an object of the parts.

    The body names the parts. With `x-oss-complete-all: yes` the object has all parts that were stored.
    """
    encode, encoding_type = key_encoder(request)
    upload, body = upload_id(request), await request.body()
    chosen = None if _completes_all(request, body) else _requested_parts(body)
    overwrite = not forbids_overwrite(request)
    try:
        info = await context.blocking(
            lambda: context.store.uploads.complete(request.bucket, request.key, upload, chosen, overwrite=overwrite)
        )
    except NoSuchUpload:
        raise no_such_upload(upload) from None
    except ObjectExists:
        raise file_already_exists(request.key) from None
    except InvalidPart as error:
        raise OssError(
            400,
            "InvalidPart",
            "One or more of the specified parts could not be found or the specified entity tag might not have matched"
            " the part's entity tag.",
            details={"PartNumber": str(error.number), "UploadId": upload},
        ) from None
    except PartTooSmall as error:
        raise OssError(
            400,
            "EntityTooSmall",
            "Your proposed upload smaller than the minimum allowed size.",
            "0042-00000213",
            {
                "MinSizeAllowed": str(MIN_PART_BYTES),
                "ProposedSize": str(error.part.size),
                "PartNumber": str(error.part.number),
                "ETag": error.part.etag,
            },
        ) from None
    result = document(
        "CompleteMultipartUploadResult",
        [
            *encoding_type,
            ("Location", _location(request)),
            ("Bucket", request.bucket),
            ("Key", encode(request.key)),
            ("ETag", f'"{info.etag}"'),
        ],
    )
    return xml_response(result, write_response_headers(info))


async def abort_multipart_upload(context: ApiContext, request: OssRequest) -> OssResponse:
    """DELETE /bucket/key?uploadId: remove the upload and its parts."""
    upload = upload_id(request)
    try:
        await context.blocking(lambda: context.store.uploads.abort(request.bucket, request.key, upload))
    except NoSuchUpload:
        raise no_such_upload(upload) from None
    return OssResponse(204)


def part_number(request: OssRequest) -> int:
    """The parameter `partNumber`.

    Raises:
        OssError: InvalidArgument, with one message for an absent number and another for an invalid one.
    """
    text = request.head.parameter("partNumber")
    if not text:
        raise invalid_argument("ResourceType", "partNumber", "Unexpected query string parameter", "0017-00000219")
    if not (text.isascii() and text.isdigit() and len(text) <= 20 and 1 <= int(text) <= MAX_PARTS):
        message = f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive."
        raise invalid_argument("PartNumber", text, message, "0017-00000220")
    return int(text)


def upload_id(request: OssRequest) -> str:
    """The parameter `uploadId`.

    Raises:
        OssError: MissingArgument.
    """
    text = request.head.parameter("uploadId")
    if text is None:
        raise missing_argument("uploadId")
    return text


def no_such_upload(upload: str) -> OssError:
    """404 NoSuchUpload."""
    return OssError(
        404,
        "NoSuchUpload",
        "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or"
        " completed.",
        "0017-00000244",
        {"UploadId": upload},
    )


def _exists(context: ApiContext, request: OssRequest) -> bool:
    try:
        context.store.entry(request.bucket, request.key)
    except NoSuchKey:
        return False
    return True


def _completes_all(request: OssRequest, body: bytes) -> bool:
    value = request.headers.get(_COMPLETE_ALL)
    if value is None:
        return False
    if value.lower() != "yes":
        raise invalid_argument(_COMPLETE_ALL, value, "The x-oss-complete-all header must be yes.")
    if body:
        message = "The body must be empty when x-oss-complete-all is specified."
        raise invalid_argument(_COMPLETE_ALL, value, message, "0042-00000216")
    return True


def _requested_parts(body: bytes) -> list[tuple[int, str]]:
    """Numbers and ETags of the parts that a CompleteMultipartUpload names.

    Raises:
        OssError: MalformedXML, InvalidPartOrder.
    """
    chosen: list[tuple[int, str]] = []
    for part in parse(body, "CompleteMultipartUpload").findall("Part"):
        number, etag = (part.findtext("PartNumber") or "").strip(), (part.findtext("ETag") or "").strip()
        if not (number.isascii() and number.isdigit() and len(number) <= 5 and 1 <= int(number) <= MAX_PARTS):
            raise malformed_xml(f"a PartNumber must be a whole number from 1 to {MAX_PARTS}")
        if not etag:
            raise malformed_xml("every Part needs an ETag")
        if chosen and int(number) <= chosen[-1][0]:
            raise OssError(
                400,
                "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts list must specified in order by part number.",
                "0042-00000209",
            )
        chosen.append((int(number), etag.strip('"').upper()))
    if not chosen:
        raise malformed_xml("at least one Part is needed")
    return chosen


def _location(request: OssRequest) -> str:
    """The object's URL at the host of this request."""
    in_host = request.host != request.endpoint
    return f"http://{request.host}/" + ("" if in_host else f"{request.bucket}/") + url_encode(request.key)
