"""AppendObject: `POST /bucket/key?append&position=`."""

from __future__ import annotations

from oss_local_cloud.interfaces import NoSuchKey, ObjectInfo
from oss_local_cloud.oss.attributes import attributes_of
from oss_local_cloud.oss.context import Context
from oss_local_cloud.oss.errors import OssError, missing_argument
from oss_local_cloud.oss.http import Call, Reply, whole_number
from oss_local_cloud.oss.objects import refuse_frozen, written_headers
from oss_local_cloud.oss.receiving import receive
from oss_local_cloud.store.appends import NotAppendable, PositionMismatch

LARGEST_APPENDABLE = 5 << 30
"""Bytes of an appendable object at most."""


async def append_object(context: Context, call: Call) -> Reply:
    """Add the body to the end of an object, which is durable before the answer."""
    attributes, position = attributes_of(call.headers), _position(call)
    try:
        # Before the body is taken, and again with the object locked.
        context.store.appends.check(_there(context, call), position)
        staged = await receive(context, call)
        if position + staged.sums.size > LARGEST_APPENDABLE:
            staged.discard()
            raise OssError(
                400, "EntityTooLarge", f"An appendable object can't have more than {LARGEST_APPENDABLE} bytes."
            )
        info = await context.blocking(
            lambda: context.store.appends.append(call.bucket, call.key, position, staged, attributes)
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
            409, "ObjectNotAppendable", "The object is not appendable", "0026-00000017", {"Key": call.key}
        ) from None
    return Reply(200, {**written_headers(info), "x-oss-next-append-position": str(info.size)})


def _position(call: Call) -> int:
    text = call.request.parameter("position")
    if text is None:
        raise missing_argument("position", "0016-00000501")
    return whole_number("position", text, 0, (1 << 63) - 1)


def _there(context: Context, call: Call) -> ObjectInfo | None:
    try:
        info = context.store.entry(call.bucket, call.key)
    except NoSuchKey:
        return None
    refuse_frozen(info, context.store.now())
    return info
