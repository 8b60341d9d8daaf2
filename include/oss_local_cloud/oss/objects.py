"""PutObject, GetObject, HeadObject and GetObjectMeta."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime

from oss_local_cloud.interfaces import ObjectInfo
from oss_local_cloud.oss.attributes import (
    attributes_of,
    etag_headers,
    object_headers,
    overridden_headers,
)
from oss_local_cloud.oss.conditions import Outcome, evaluate
from oss_local_cloud.oss.context import Context
from oss_local_cloud.oss.errors import OssError, invalid_argument
from oss_local_cloud.oss.http import Call, ObjectRange, Reply
from oss_local_cloud.oss.ranges import parse_range
from oss_local_cloud.oss.receiving import receive
from oss_local_cloud.store.objects import ObjectExists

_FORBID_OVERWRITE = "x-oss-forbid-overwrite"


async def put_object(context: Context, call: Call) -> Reply:
    """PUT /bucket/key: streamed to the disk, durable before the answer."""
    _refuse_conditions(call)
    attributes, overwrite = attributes_of(call.headers), not forbids_overwrite(call)
    staged = await receive(context, call)
    try:
        info = await context.store.put_async(call.bucket, call.key, staged, attributes, overwrite=overwrite)
    except ObjectExists:
        raise file_already_exists(call.key) from None
    return Reply(200, written_headers(info))


async def get_object(context: Context, call: Call) -> Reply:
    """GET /bucket/key: whole, or one range; conditions first."""
    info = context.store.head(call.bucket, call.key)
    refuse_frozen(info, context.store.now())
    answer = conditional_answer(call, info)
    if answer is not None:
        return answer
    standard = call.headers.get("x-oss-range-behavior") == "standard"
    part = parse_range(call.headers.get("range"), info.size, standard=standard)
    headers = object_headers(info, context.store.now()) | overridden_headers(call)
    if part is None:
        headers["content-length"] = str(info.size)
        headers |= md5_headers(info)
        return Reply(200, headers, ObjectRange(info, 0, info.size))
    start, length = part
    headers["content-length"] = str(length)
    headers["content-range"] = f"bytes {start}-{start + length - 1}/{info.size}"
    return Reply(206, headers, ObjectRange(info, start, length))


async def head_object(context: Context, call: Call) -> Reply:
    """HEAD /bucket/key: the headers of a GET."""
    info = context.store.head(call.bucket, call.key)
    answer = conditional_answer(call, info)
    if answer is not None:
        return answer
    headers = object_headers(info, context.store.now())
    headers["content-length"] = str(info.size)
    headers |= md5_headers(info)
    return Reply(200, headers)


async def get_object_meta(context: Context, call: Call) -> Reply:
    """HEAD /bucket/key?objectMeta: ETag, size, time and checksum only, of a link its own."""
    info = context.store.entry(call.bucket, call.key)
    return Reply(
        200,
        {
            **etag_headers(info),
            "content-length": str(info.size),
            "x-oss-hash-crc64ecma": str(info.crc64),
        },
    )


def conditional_answer(call: Call, info: ObjectInfo) -> Reply | None:
    """304 when the caller has this content already, None to go on; raises PreconditionFailed."""
    outcome = evaluate(call.headers, info)
    if outcome is Outcome.PRECONDITION_FAILED:
        raise precondition_failed()
    return Reply(304, etag_headers(info)) if outcome is Outcome.NOT_MODIFIED else None


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


def refuse_frozen(info: ObjectInfo, now: datetime) -> None:
    """Raises InvalidObjectState when an object is archived and not restored."""
    if info.is_frozen(now):
        raise OssError(
            403,
            "InvalidObjectState",
            f"The operation is not valid for the object's state: it is {info.storage_class} and not restored.",
            details={"ObjectName": info.key},
        )


def forbids_overwrite(call: Call) -> bool:
    """Whether the caller asked not to overwrite; raises InvalidArgument when the header is neither true nor false."""
    value = call.headers.get(_FORBID_OVERWRITE, "false")
    if value.lower() not in ("true", "false"):
        raise invalid_argument(_FORBID_OVERWRITE, value, "It must be true or false.", "0017-00000279")
    return value.lower() == "true"


def _refuse_conditions(call: Call) -> None:
    """OSS has no conditional PutObject; a condition that was passed over would let a client overwrite unawares."""
    for name in ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since"):
        if name in call.headers:
            message = "A header you provided implies functionality that is not implemented."
            raise OssError(400, "NotImplemented", message, "0017-00000245", {"Header": name.title()})


def written_headers(info: ObjectInfo) -> dict[str, str]:
    """What every write of an object answers about it."""
    return {"etag": f'"{info.etag}"', "x-oss-hash-crc64ecma": str(info.crc64), **md5_headers(info)}


def md5_headers(info: ObjectInfo) -> dict[str, str]:
    """Content-MD5 of an object that was written in one piece: its ETag in Base64."""
    return {"content-md5": b64encode(bytes.fromhex(info.etag)).decode("ascii")} if info.has_md5_etag else {}
