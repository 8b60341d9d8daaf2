"""Object processing: `x-oss-async-process` (audio/convert) and `x-oss-process` (audio/info).

A POST with `x-oss-async-process` carries the process string in its body. `audio/info` is the one process of a GET.
"""

from __future__ import annotations

import json

from oss_local_cloud.interfaces import ImmClientError
from oss_local_cloud.oss.api_context import ApiContext
from oss_local_cloud.oss.errors import OssError, not_implemented
from oss_local_cloud.oss.http_messages import OssRequest, OssResponse
from oss_local_cloud.oss.objects import require_restored

_FIELD = b"x-oss-async-process="


async def async_process_object(context: ApiContext, request: OssRequest) -> OssResponse:
    """Submit a conversion to IMM. The response has its EventId, RequestId and TaskId.

    The body is `x-oss-async-process=` and the process string, not URL-encoded, as every SDK sends it.
    """
    body = await request.body()
    if not body.startswith(_FIELD):
        raise OssError(400, "InvalidRequest", "no x-oss-async-process parameter found")
    try:
        process = body[len(_FIELD) :].decode().strip()
    except UnicodeDecodeError:
        raise OssError(400, "InvalidRequest", "x-oss-async-process is not UTF-8") from None
    require_restored(context.store.head(request.bucket, request.key), context.store.now())
    try:
        submitted = await context.processor.submit(request.bucket, request.key, process)
    except ImmClientError as error:
        raise OssError(error.status, "Imm Client", error.message) from error
    answer = {
        "EventId": submitted.event_id,
        "RequestId": submitted.request_id,
        "TaskId": submitted.task_id,
    }
    return OssResponse(200, {"content-type": "application/json"}, json.dumps(answer).encode())


async def get_object_processed(context: ApiContext, request: OssRequest) -> OssResponse:
    """`audio/info`; `audio/convert` is refused because it is asynchronous only, every other process by its name."""
    process = request.parameter("x-oss-process")
    action = process.partition(",")[0].partition("|")[0]
    if action == "audio/convert":
        message = "InvalidArgument, [x-oss-process]:audio/convert is asynchronous only; use x-oss-async-process."
        raise OssError(400, "Imm Client", message)
    if process != "audio/info":
        name = process if action == "audio/info" else action
        raise not_implemented(f"GetObject with x-oss-process={name}")
    require_restored(context.store.head(request.bucket, request.key), context.store.now())
    try:
        found = await context.processor.audio_info(request.bucket, request.key)
    except ImmClientError as error:
        raise OssError(error.status, "Imm Client", error.message) from error
    return OssResponse(
        200, {"content-type": "application/json;charset=utf-8"}, json.dumps(found, ensure_ascii=False).encode()
    )
