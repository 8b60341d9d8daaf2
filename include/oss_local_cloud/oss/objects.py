"""PutObject, GetObject, HeadObject and GetObjectMeta."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime

from oss_local_cloud.interfaces import ObjectInfo
from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.errors import OssError, invalid_argument
from oss_local_cloud.oss.http_messages import ObjectRange, OssRequest, OssResponse
from oss_local_cloud.oss.object_attributes import (
    etag_headers,
    object_headers,
    overridden_headers,
    parse_object_attributes,
)
from oss_local_cloud.oss.preconditions import PreconditionResult, evaluate_preconditions
from oss_local_cloud.oss.ranges import parse_range
from oss_local_cloud.oss.request_body import read_body
from oss_local_cloud.store.objects import ObjectExists

_FORBID_OVERWRITE = "x-oss-forbid-overwrite"


async def put_object(context: ApiContext, request: OssRequest) -> OssResponse:
    """PUT /bucket/key: streamed to the disk, durable before the response."""
    _refuse_preconditions(request)
    attributes, overwrite = parse_object_attributes(request.headers), not forbids_overwrite(request)
    staged = await read_body(context, request)
    try:
        info = await context.store.put_async(request.bucket, request.key, staged, attributes, overwrite=overwrite)
    except ObjectExists:
        raise file_already_exists(request.key) from None
    return OssResponse(200, write_response_headers(info))


async def get_object(context: ApiContext, request: OssRequest) -> OssResponse:
    """GET /bucket/key: whole, or one range, when the preconditions hold."""
    info = context.store.head(request.bucket, request.key)
    require_restored(info, context.store.now())
    response = conditional_response(request, info)
    if response is not None:
        return response
    standard = request.headers.get("x-oss-range-behavior") == "standard"
    part = parse_range(request.headers.get("range"), info.size, standard=standard)
    headers = object_headers(info, context.store.now()) | overridden_headers(request)
    if part is None:
        headers["content-length"] = str(info.size)
        headers |= md5_headers(info)
        return OssResponse(200, headers, ObjectRange(info, 0, info.size))
    start, length = part
    headers["content-length"] = str(length)
    headers["content-range"] = f"bytes {start}-{start + length - 1}/{info.size}"
    return OssResponse(206, headers, ObjectRange(info, start, length))


async def head_object(context: ApiContext, request: OssRequest) -> OssResponse:
    """HEAD /bucket/key: the response headers of a GET."""
    info = context.store.head(request.bucket, request.key)
    response = conditional_response(request, info)
    if response is not None:
        return response
    headers = object_headers(info, context.store.now())
    headers["content-length"] = str(info.size)
    headers |= md5_headers(info)
    return OssResponse(200, headers)


async def get_object_meta(context: ApiContext, request: OssRequest) -> OssResponse:
    """HEAD /bucket/key?objectMeta: ETag, size, time and checksum only. Symlinks are not followed."""
    info = context.store.entry(request.bucket, request.key)
    return OssResponse(
        200,
        {
            **etag_headers(info),
            "content-length": str(info.size),
            "x-oss-hash-crc64ecma": str(info.crc64),
        },
    )


def conditional_response(request: OssRequest, info: ObjectInfo) -> OssResponse | None:
    """304 when a precondition says so, None when all hold.

    Raises:
        OssError: PreconditionFailed.
    """
    result = evaluate_preconditions(request.headers, info)
    if result is PreconditionResult.FAILED:
        raise precondition_failed()
    return OssResponse(304, etag_headers(info)) if result is PreconditionResult.NOT_MODIFIED else None


def precondition_failed() -> OssError:
    """412 PreconditionFailed."""
    return OssError(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold.")


def file_already_exists(key: str) -> OssError:
    """409 FileAlreadyExists: `x-oss-forbid-overwrite: true` and the object is there."""
    return OssError(
        409,
        "FileAlreadyExists",
        "The object you specified already exists and can not be overwritten.",
        details={"Key": key},
    )


def require_restored(info: ObjectInfo, now: datetime) -> None:
    """Refuse an object that is archived and not restored.

    Raises:
        OssError: InvalidObjectState.
    """
    if info.is_frozen(now):
        raise OssError(
            403,
            "InvalidObjectState",
            f"The operation is not valid for the object's state: it is {info.storage_class} and not restored.",
            details={"ObjectName": info.key},
        )


def forbids_overwrite(request: OssRequest) -> bool:
    """The header `x-oss-forbid-overwrite`.

    Raises:
        OssError: InvalidArgument when it is neither true nor false.
    """
    value = request.headers.get(_FORBID_OVERWRITE, "false")
    if value.lower() not in ("true", "false"):
        raise invalid_argument(_FORBID_OVERWRITE, value, "It must be true or false.", "0017-00000279")
    return value.lower() == "true"


def _refuse_preconditions(request: OssRequest) -> None:
    """Refuse a conditional PutObject, which OSS doesn't have: ignoring the condition could overwrite an object."""
    for name in ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since"):
        if name in request.headers:
            message = "A header you provided implies functionality that is not implemented."
            raise OssError(400, "NotImplemented", message, "0017-00000245", {"Header": name.title()})


def write_response_headers(info: ObjectInfo) -> dict[str, str]:
    """Response headers of every write of an object."""
    return {"etag": f'"{info.etag}"', "x-oss-hash-crc64ecma": str(info.crc64), **md5_headers(info)}


def md5_headers(info: ObjectInfo) -> dict[str, str]:
    """Content-MD5 of an object that was written in one piece: its ETag in Base64."""
    return {"content-md5": b64encode(bytes.fromhex(info.etag)).decode("ascii")} if info.has_md5_etag else {}
