"""PutObject, GetObject, HeadObject, GetObjectMeta, DeleteObject and DeleteMultipleObjects."""

from __future__ import annotations

import functools
from base64 import b64encode

from include.local_cloud.interfaces import ObjectInfo
from include.local_cloud.oss.addressing import check_decoded_key
from include.local_cloud.oss.attributes import (
    attributes_of,
    etag_headers,
    object_headers,
    overridden_headers,
    refuse_unsupported_headers,
)
from include.local_cloud.oss.conditions import Outcome, evaluate
from include.local_cloud.oss.context import Context
from include.local_cloud.oss.errors import OssError, malformed_xml
from include.local_cloud.oss.http import (
    Call,
    ObjectRange,
    Reply,
    content_md5,
    invalid_digest,
    whole_number,
    xml_reply,
)
from include.local_cloud.oss.listings import url_encode
from include.local_cloud.oss.ranges import parse_range
from include.local_cloud.oss.xml import Element, document, parse
from include.local_cloud.store.objects import Attributes, ObjectExists, StagedContent

LARGEST_PUT = 5 << 30
"""Bytes of one PutObject at most."""
BLOCK = 1 << 20
"""Bytes gathered before they are handed to a thread; a body up to this size takes one hand-over in all."""
MOST_DELETED = 1000


async def put_object(context: Context, call: Call) -> Reply:
    """PUT /bucket/key: streamed to the disk, durable before the answer."""
    refuse_unsupported_headers(call.headers)
    attributes, md5 = attributes_of(call.headers), content_md5(call.headers)
    announced = call.headers.get("content-length")
    if announced is not None:
        whole_number("Content-Length", announced, 0, (1 << 63) - 1)
        _check_size(int(announced))
    staged: StagedContent | None = None
    gathered: list[bytes] = []
    waiting = size = 0
    try:
        async for block in call.blocks():
            gathered.append(block)
            waiting += len(block)
            size += len(block)
            if waiting >= BLOCK:
                _check_size(size)
                staged = staged or context.store.stage()
                await context.blocking(functools.partial(staged.write, b"".join(gathered)))
                gathered, waiting = [], 0
        rest = b"".join(gathered)
        overwrite = not forbids_overwrite(call)
        info = await context.blocking(
            functools.partial(_store, context, call, staged, rest, attributes, md5, overwrite)
        )
    except BaseException:
        if staged is not None:
            staged.discard()
        raise
    return Reply(
        200,
        {
            "etag": f'"{info.etag}"',
            "x-oss-hash-crc64ecma": str(info.crc64),
            "content-md5": md5_header(info),
        },
    )


def _store(
    context: Context,
    call: Call,
    staged: StagedContent | None,
    rest: bytes,
    attributes: Attributes,
    md5: bytes | None,
    overwrite: bool,
) -> ObjectInfo:
    """Everything a PUT does after its last byte came, in one go in a thread."""
    if staged is None:
        staged = context.store.stage_whole(rest)
    else:
        staged.write(rest)
        staged.finish()
    try:
        if md5 is not None and bytes.fromhex(staged.sums.etag) != md5:
            raise invalid_digest()
        return context.store.put(call.bucket, call.key, staged, attributes, overwrite=overwrite)
    except ObjectExists:
        raise file_already_exists(call.key) from None
    except BaseException:
        staged.discard()
        raise


async def get_object(context: Context, call: Call) -> Reply:
    """GET /bucket/key: whole, or one range; conditions first."""
    info = context.store.head(call.bucket, call.key)
    answer = conditional_answer(call, info)
    if answer is not None:
        return answer
    standard = call.headers.get("x-oss-range-behavior") == "standard"
    part = parse_range(call.headers.get("range"), info.size, standard=standard)
    headers = object_headers(info) | overridden_headers(call)
    if part is None:
        headers["content-length"] = str(info.size)
        headers["content-md5"] = md5_header(info)
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
    headers = object_headers(info)
    headers["content-length"] = str(info.size)
    headers["content-md5"] = md5_header(info)
    return Reply(200, headers)


async def get_object_meta(context: Context, call: Call) -> Reply:
    """HEAD /bucket/key?objectMeta: ETag, size, time and checksum only."""
    info = context.store.head(call.bucket, call.key)
    return Reply(
        200,
        {
            **etag_headers(info),
            "content-length": str(info.size),
            "x-oss-hash-crc64ecma": str(info.crc64),
        },
    )


async def delete_object(context: Context, call: Call) -> Reply:
    """DELETE /bucket/key: 204, whether it was there or not."""
    await context.blocking(lambda: context.store.delete(call.bucket, [call.key]))
    return Reply(204)


async def delete_multiple_objects(context: Context, call: Call) -> Reply:
    """POST /bucket?delete: up to 1,000 keys at once; `Quiet` answers without a body."""
    request = parse(await call.body(), "Delete")
    keys = []
    for entry in request.iter("Object"):
        if entry.findtext("VersionId"):
            raise malformed_xml("this bucket has no versions")
        keys.append(check_decoded_key(entry.findtext("Key") or ""))
    if not 1 <= len(keys) <= MOST_DELETED:
        raise malformed_xml(f"{len(keys)} objects, allowed are 1 to {MOST_DELETED}")
    await context.blocking(lambda: context.store.delete(call.bucket, keys))
    if (request.findtext("Quiet") or "false").strip().lower() == "true":
        return Reply(200)
    encoded = call.parameter("encoding-type") == "url"
    children: list[Element] = [("EncodingType", "url")] if encoded else []
    children += [("Deleted", [("Key", url_encode(key) if encoded else key)]) for key in keys]
    return xml_reply(document("DeleteResult", children))


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


def forbids_overwrite(call: Call) -> bool:
    """Whether the caller asked not to overwrite."""
    return call.headers.get("x-oss-forbid-overwrite", "").lower() == "true"


def md5_header(info: ObjectInfo) -> str:
    """Content-MD5 of an object written whole: its ETag in Base64."""
    return b64encode(bytes.fromhex(info.etag)).decode("ascii")


def _check_size(size: int) -> None:
    if size > LARGEST_PUT:
        raise OssError(
            400,
            "EntityTooLarge",
            f"Your proposed upload exceeds the maximum allowed size of {LARGEST_PUT} bytes.",
        )
