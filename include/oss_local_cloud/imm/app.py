"""The IMM API (version 2020-09-30, RPC style) as a Starlette application.

It has the calls about OSS's conversions, and those that bind a bucket to a project.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from oss_local_cloud.http_server import Lines
from oss_local_cloud.imm import ids, project_operations, tasks
from oss_local_cloud.imm.api_parameters import (
    ImmApiError,
    number_of,
    one_of,
    page_size,
    required,
    task_types,
    time_range,
    token_of,
)
from oss_local_cloud.imm.notification import moment
from oss_local_cloud.signatures.acs3 import Acs3SignatureError, verify

if TYPE_CHECKING:
    from oss_local_cloud.imm.service import ImmService

log = logging.getLogger(__name__)

VERSION = "2020-09-30"
_LARGEST_BODY = 64 * 1024
_STATUSES = (tasks.RUNNING, tasks.SUCCEEDED, tasks.FAILED)


def build_app(service: ImmService) -> Starlette:
    """The application around a service; the owner of the service calls its `start` and `stop`."""

    async def endpoint(request: Request) -> Response:
        request_id, host = ids.request_id(), request.headers.get("host", "")
        try:
            result = await _serve(service, request)
            status, content = 200, {"RequestId": request_id, **result}
        except (ImmApiError, Acs3SignatureError) as refused:
            status, content = refused.status, _error(request_id, host, refused.code, refused.message)
        except ClientDisconnect:
            return Response(status_code=499)  # the client has disconnected
        except Exception:
            log.exception("%r %r failed, request %s", request.method, request.url.path, request_id)
            message = "The request processing has failed due to some unknown error."
            status, content = 500, _error(request_id, host, "InternalError", message)
        return JSONResponse(content, status, headers={"x-acs-request-id": request_id})

    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
    return Starlette(routes=[Route("/{path:path}", endpoint, methods=methods)])


def refusal(status: int, code: str, message: str) -> tuple[Lines, bytes]:
    """The HTTP server's response to a request that can't be parsed."""
    request_id = ids.request_id()
    body = json.dumps(_error(request_id, "", code, message)).encode()
    return [(b"content-type", b"application/json"), (b"x-acs-request-id", request_id.encode("ascii"))], body


def _error(request_id: str, host: str, code: str, message: str) -> dict[str, object]:
    return {"RequestId": request_id, "HostId": host, "Code": code, "Message": message}


async def _serve(service: ImmService, request: Request) -> dict[str, object]:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise ImmApiError(400, "InvalidArgument", f"The body is longer than {_LARGEST_BODY} bytes.")
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["raw_path"].decode("latin-1").partition("?")[0]
    headers = {name.lower(): value for name, value in request.headers.items()}
    now = service.clock()
    verify(request.method, path, query, headers, bytes(body), service.credentials, now)
    service.nonces.take(headers["x-acs-signature-nonce"], now)
    parameters = dict(parse_qsl(query, keep_blank_values=True))
    if headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        parameters |= dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    version = headers.get("x-acs-version") or parameters.get("Version")
    if version != VERSION:
        raise ImmApiError(404, "InvalidVersion", f"The specified parameter Version should be {VERSION}.")
    action = headers.get("x-acs-action") or parameters.get("Action", "")
    operation = OPERATIONS.get(action)
    if path != "/" or request.method not in ("GET", "POST") or operation is None:
        raise ImmApiError(
            404, "InvalidAction.NotFound", f"{action or 'The action'} is not one of {', '.join(OPERATIONS)}."
        )
    return await operation(service, parameters)


async def get_task(service: ImmService, parameters: Mapping[str, str]) -> dict[str, object]:
    """GetTask: a task's status; with `RequestDefinition=true` also its request."""
    project = required(parameters, "ProjectName")
    kind, task_id = required(parameters, "TaskType"), required(parameters, "TaskId")
    task = None
    if kind == ids.TASK_TYPE:
        task = await service.database.run(lambda db: tasks.find(db, project, task_id))
    if task is None:
        raise ImmApiError(404, "ResourceNotFound", "The specified resource Task is not found.")
    return {"ProjectName": project, "EventId": task.event_id, **_described(task, parameters)}


async def list_tasks(service: ImmService, parameters: Mapping[str, str]) -> dict[str, object]:
    """ListTasks: a project's tasks, filtered and sorted; NextToken is there when a page follows."""
    project = required(parameters, "ProjectName")
    await project_operations.existing(service, project)
    if parameters.get("TagSelector"):
        raise ImmApiError(501, "NotImplemented", "The local cloud does not implement TagSelector of ListTasks.")
    limit = page_size(parameters.get("MaxResults"))
    started = time_range("StartTimeRange", parameters)
    ended = time_range("EndTimeRange", parameters)
    status = one_of("Status", parameters, _STATUSES) if parameters.get("Status") else None
    task_filter = tasks.TaskFilter(project, status, *started, *ended)
    sort = one_of("Sort", parameters, tuple(tasks.SORTS), "TaskId")
    descending = one_of("Order", parameters, ("asc", "desc"), "asc") == "desc"
    after = number_of(parameters.get("NextToken", ""))
    page: list[tasks.Task] = []
    if ids.TASK_TYPE in task_types(parameters):
        page = await service.database.run(
            lambda db: tasks.listing(db, task_filter, sort=sort, descending=descending, after=after, limit=limit + 1)
        )
    more = len(page) > limit
    return {
        "ProjectName": project,
        "MaxResults": min(len(page), limit),
        "NextToken": token_of(page[limit - 1].number) if more else "",
        "Tasks": [_described(task, parameters) for task in page[:limit]],
    }


OPERATIONS: dict[str, Callable[[ImmService, Mapping[str, str]], Awaitable[dict[str, object]]]] = {
    "GetTask": get_task,
    "ListTasks": list_tasks,
    "GetOSSBucketAttachment": project_operations.get_oss_bucket_attachment,
    "AttachOSSBucket": project_operations.attach_oss_bucket,
    "DetachOSSBucket": project_operations.detach_oss_bucket,
    "CreateProject": project_operations.create_project,
    "GetProject": project_operations.get_project,
    "ListProjects": project_operations.list_projects,
}
"""Every action there is."""


def _described(task: tasks.Task, parameters: Mapping[str, str]) -> dict[str, object]:
    found: dict[str, object] = {
        "TaskType": ids.TASK_TYPE,
        "TaskId": task.task_id,
        "Status": task.status,
        "Code": task.code,
        "Message": task.message,
        "StartTime": moment(task.started_ms),
        "EndTime": moment(task.ended_ms),
        "UserData": "",
        "Tags": {},
    }
    if parameters.get("RequestDefinition", "").lower() == "true":
        found["TaskRequestDefinition"] = json.dumps(
            {
                "ProjectName": task.project,
                "Sources": [{"URI": f"oss://{task.bucket}/{task.key}"}],
                "Targets": [{"URI": f"oss://{task.target_bucket}/{task.target_key}"}],
                "Process": task.process,
                "Notification": {"MNS": {"TopicName": task.topic}} if task.topic else {},
            },
            ensure_ascii=False,
        )
    return found
