"""The IMM API (version 2020-09-30, RPC style) as a Starlette application: the three calls about OSS's
conversions.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from include.local_cloud.imm import ids, tasks
from include.local_cloud.imm.notification import moment
from include.local_cloud.interfaces import NoSuchBucket
from include.local_cloud.signatures.acs3 import Acs3SignatureError, verify

if TYPE_CHECKING:
    from include.local_cloud.imm.service import ImmService

log = logging.getLogger(__name__)

VERSION = "2020-09-30"
_LARGEST_BODY = 64 * 1024
_LARGEST_PAGE = 100
_STATUSES = (tasks.RUNNING, tasks.SUCCEEDED, tasks.FAILED)


class ImmApiError(Exception):
    """A call the API refuses: the HTTP `status`, the error `code` and the `message`."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def build_app(service: ImmService) -> Starlette:
    """The application around a service; the service's ``start`` and ``stop`` are its owner's business."""

    async def endpoint(request: Request) -> Response:
        request_id = ids.request_id()
        try:
            answer = await _serve(service, request)
            status, content = 200, {"RequestId": request_id, **answer}
        except (ImmApiError, Acs3SignatureError) as refusal:
            status, content = refusal.status, _error(request_id, request, refusal.code, refusal.message)
        except ClientDisconnect:
            return Response(status_code=499)  # nobody is there to read it
        except Exception:
            log.exception("%s %s failed, request %s", request.method, request.url.path, request_id)
            message = "The request processing has failed due to some unknown error."
            status, content = 500, _error(request_id, request, "InternalError", message)
        return JSONResponse(content, status, headers={"x-acs-request-id": request_id})

    methods = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
    return Starlette(routes=[Route("/{path:path}", endpoint, methods=methods)])


def _error(request_id: str, request: Request, code: str, message: str) -> dict[str, object]:
    host = request.headers.get("host", "")
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
    verify(request.method, path, query, headers, bytes(body), service.credentials, service.clock())
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
    """GetTask: how far a task is; with ``RequestDefinition=true`` also what was asked."""
    project = _required(parameters, "ProjectName")
    kind, task_id = _required(parameters, "TaskType"), _required(parameters, "TaskId")
    task = None
    if kind == ids.TASK_TYPE:
        task = await service.database.run(lambda db: tasks.find(db, project, task_id))
    if task is None:
        raise ImmApiError(404, "ResourceNotFound", "The specified resource Task is not found.")
    return {"ProjectName": project, "EventId": task.event_id, **_described(task, parameters)}


async def list_tasks(service: ImmService, parameters: Mapping[str, str]) -> dict[str, object]:
    """ListTasks: a project's tasks, filtered and sorted; NextToken is there when a page follows."""
    project = _required(parameters, "ProjectName")
    limit = _page_size(parameters.get("MaxResults"))
    started = _time_range("StartTimeRange", parameters)
    ended = _time_range("EndTimeRange", parameters)
    status = _one_of("Status", parameters, _STATUSES) if parameters.get("Status") else None
    wanted = tasks.Wanted(project, status, *started, *ended)
    sort = _one_of("Sort", parameters, tuple(tasks.SORTS), "TaskId")
    descending = _one_of("Order", parameters, ("asc", "desc"), "asc") == "desc"
    after = _number_of(parameters.get("NextToken", ""))
    page: list[tasks.Task] = []
    if ids.TASK_TYPE in _task_types(parameters):
        page = await service.database.run(
            lambda db: tasks.listing(db, wanted, sort=sort, descending=descending, after=after, limit=limit + 1)
        )
    more = len(page) > limit
    return {
        "ProjectName": project,
        "MaxResults": min(len(page), limit),
        "NextToken": _token_of(page[limit - 1].number) if more else "",
        "Tasks": [_described(task, parameters) for task in page[:limit]],
    }


async def get_oss_bucket_attachment(service: ImmService, parameters: Mapping[str, str]) -> dict[str, object]:
    """GetOSSBucketAttachment: the project a bucket is bound to."""
    bucket = _required(parameters, "OSSBucket")
    try:
        project = await asyncio.to_thread(service.store.imm_project, bucket)
    except NoSuchBucket:
        project = None
    if project is None:
        raise ImmApiError(404, "ResourceNotFound", "The specified resource Attachment is not found.")
    return {"ProjectName": project, "Description": ""}


OPERATIONS: dict[str, Callable[[ImmService, Mapping[str, str]], Awaitable[dict[str, object]]]] = {
    "GetTask": get_task,
    "ListTasks": list_tasks,
    "GetOSSBucketAttachment": get_oss_bucket_attachment,
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


def _required(parameters: Mapping[str, str], name: str) -> str:
    value = parameters.get(name)
    if not value:
        raise ImmApiError(400, f"Missing{name}", f"{name} is mandatory for this action.")
    return value


def _invalid(name: str, allowed: str) -> ImmApiError:
    return ImmApiError(400, "InvalidArgument", f"The specified parameter {name} is not valid: {allowed}.")


def _one_of(name: str, parameters: Mapping[str, str], allowed: tuple[str, ...], default: str = "") -> str:
    value = parameters.get(name) or default
    if value not in allowed:
        raise _invalid(name, f"one of {', '.join(allowed)}")
    return value


def _page_size(text: str | None) -> int:
    if text is None:
        return _LARGEST_PAGE
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _LARGEST_PAGE:
        raise _invalid("MaxResults", f"1 to {_LARGEST_PAGE}")
    return int(text)


def _json(name: str, parameters: Mapping[str, str]) -> Any:
    """The SDK sends lists and ranges as JSON; None when the parameter is not there."""
    try:
        return json.loads(parameters[name]) if parameters.get(name) else None
    except ValueError:
        raise _invalid(name, "JSON") from None


def _task_types(parameters: Mapping[str, str]) -> list[str]:
    found = _json("TaskTypes", parameters)
    if found is None:
        return [ids.TASK_TYPE]
    if not isinstance(found, list):
        raise _invalid("TaskTypes", "a list of task types")
    return [str(one) for one in found]


def _time_range(name: str, parameters: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Start and end of a range in milliseconds since the epoch."""
    found = _json(name, parameters)
    if found is None:
        return None, None
    if not isinstance(found, dict):
        raise _invalid(name, '{"Start": …, "End": …}')
    start, end = (_milliseconds(name, found.get(edge)) for edge in ("Start", "End"))
    return start, end


def _milliseconds(name: str, text: object) -> int | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        raise _invalid(name, "times as in 2024-08-20T07:03:07.36Z") from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    return int(found.timestamp() * 1000)


def _token_of(number: int) -> str:
    return base64.urlsafe_b64encode(str(number).encode()).decode()


def _number_of(token: str) -> int:
    try:
        number = int(base64.urlsafe_b64decode(token)) if token else 0
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 63:
        raise _invalid("NextToken", "the one of the page before")
    return number
