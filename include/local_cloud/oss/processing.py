"""AsyncProcessObject: `POST /bucket/key?x-oss-async-process` with the process string in the body."""

from __future__ import annotations

import json

from include.local_cloud.interfaces import ImmClientError
from include.local_cloud.oss.context import Context
from include.local_cloud.oss.errors import OssError
from include.local_cloud.oss.http import Call, Reply
from include.local_cloud.oss.objects import refuse_frozen

_FIELD = b"x-oss-async-process="


async def async_process_object(context: Context, call: Call) -> Reply:
    """Hand a conversion to IMM; answers with its EventId, RequestId and TaskId.

    The body is `x-oss-async-process=` and the process string, not URL-encoded, as every SDK sends it.
    """
    body = await call.body()
    if not body.startswith(_FIELD):
        raise OssError(400, "InvalidRequest", "no x-oss-async-process parameter found")
    try:
        process = body[len(_FIELD) :].decode().strip()
    except UnicodeDecodeError:
        raise OssError(400, "InvalidRequest", "x-oss-async-process is not UTF-8") from None
    refuse_frozen(context.store.head(call.bucket, call.key), context.store.now())
    try:
        submitted = await context.processor.submit(call.bucket, call.key, process)
    except ImmClientError as error:
        raise OssError(error.status, "Imm Client", error.message) from error
    answer = {
        "EventId": submitted.event_id,
        "RequestId": submitted.request_id,
        "TaskId": submitted.task_id,
    }
    return Reply(200, {"content-type": "application/json"}, json.dumps(answer).encode())
