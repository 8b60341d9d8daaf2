"""AppendObject: `POST /bucket/key?append&position=`."""

from __future__ import annotations

from oss_local_cloud.interfaces import NoSuchKey, ObjectInfo
from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.errors import OssError, missing_argument
from oss_local_cloud.oss.http_messages import OssRequest, OssResponse, parse_integer
from oss_local_cloud.oss.object_attributes import parse_object_attributes
from oss_local_cloud.oss.objects import require_restored, write_response_headers
from oss_local_cloud.oss.request_body import read_body
from oss_local_cloud.store.appends import NotAppendable, PositionMismatch

MAX_APPENDABLE_BYTES = 5 << 30
"""Bytes of an appendable object at most."""


async def append_object(context: ApiContext, request: OssRequest) -> OssResponse:
    """Add the body to the end of an object. The new content is durable before the response."""
    attributes, position = parse_object_attributes(request.headers), _position(request)
    try:
        # Checked before the body is read, and again with the object locked.
        context.store.appends.check(_current_object(context, request), position)
        staged = await read_body(context, request)
        if position + staged.checksums.size > MAX_APPENDABLE_BYTES:
            staged.discard()
            raise OssError(
                400, "EntityTooLarge", f"An appendable object can't have more than {MAX_APPENDABLE_BYTES} bytes."
            )
        info = await context.blocking(
            lambda: context.store.appends.append(request.bucket, request.key, position, staged, attributes)
        )
    except PositionMismatch as error:
        raise OssError(
            409,
            "PositionNotEqualToLength",
            "Position is not equal to file length",
            "0026-00000016",
            headers={"x-oss-next-append-position": str(error.length)},
        ) from None
    except NotAppendable:
        raise OssError(
            409, "ObjectNotAppendable", "The object is not appendable", "0026-00000017", {"Key": request.key}
        ) from None
    return OssResponse(200, {**write_response_headers(info), "x-oss-next-append-position": str(info.size)})


def _position(request: OssRequest) -> int:
    text = request.head.parameter("position")
    if text is None:
        raise missing_argument("position", "0016-00000501")
    return parse_integer("position", text, 0, (1 << 63) - 1)


def _current_object(context: ApiContext, request: OssRequest) -> ObjectInfo | None:
    try:
        info = context.store.entry(request.bucket, request.key)
    except NoSuchKey:
        return None
    require_restored(info, context.store.now())
    return info
