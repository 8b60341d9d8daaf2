"""IMM's API, as far as audio conversion needs it: what became of a task, and which project a bucket has."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from oss_audio_core.oss.error_classification import is_throttled
from oss_audio_core.oss.errors import OssConfigurationError
from oss_audio_core.oss.retry import with_retries
from oss_audio_core.oss.sdk import load_imm

if TYPE_CHECKING:
    from oss_audio_core.oss.settings import OssSettings

TASK_TYPE = "MediaConvert"
"""The task type of audio/convert; IMM has none of its own for audio."""

PAGE = 100
"""Tasks a page of ListTasks: the most that IMM gives."""

LIST_EVERY = 0.1
"""Seconds from one page of a walk through the tasks to the next one, at least."""

SLOWER = 5
"""How often a walk halves its pace because IMM throttles; the next time it fails."""

SECONDS = "%Y-%m-%dT%H:%M:%SZ"
"""How IMM writes a moment of UTC."""


class TaskNotFound(LookupError):
    """IMM doesn't know this task (any more)."""


@dataclass(frozen=True)
class TaskStatus:
    """What GetTask says about a task.

    Attributes:
        status: `Running`, `Succeeded` or `Failed`.
        code: the reason of a failure; empty otherwise.
        message: the reason of a failure; empty otherwise.
        start_time: UTC, ISO 8601 with milliseconds; empty when not yet.
        end_time: UTC, ISO 8601 with milliseconds; empty when not yet.
    """

    task_id: str
    status: str
    code: str
    message: str
    start_time: str
    end_time: str


@dataclass(frozen=True)
class ListedTask:
    """What ListTasks says about a task.

    Attributes:
        started: when it was accepted; None where IMM tells no readable time.
        outputs: the addresses that it writes to, `oss://bucket/key`.
    """

    task_id: str
    started: datetime | None
    outputs: frozenset[str]


class ImmTasks:
    """A synchronous IMM client. Threads may share it; on an event loop use `asyncio.to_thread`."""

    def __init__(self, settings: OssSettings) -> None:
        """Build nothing yet: the SDK is imported with the first call."""
        self._settings = settings
        self._lock = threading.Lock()
        self._client: Any = None
        self._projects: dict[str, str] = {}

    def get_task(self, bucket: str, task_id: str) -> TaskStatus:
        """Return the state of a conversion of an object in `bucket`.

        Raises TaskNotFound when IMM doesn't know the task, OssConfigurationError when the bucket has no
        project, and the SDK's own errors otherwise (`explain` puts them into words).
        """
        project = self.project_of(bucket)
        client = self._connect()
        request = load_imm().models.GetTaskRequest(project_name=project, task_type=TASK_TYPE, task_id=task_id)
        try:
            body = client.get_task_with_options(request, self._runtime()).body
        except Exception as exception:
            if _is_missing(exception, "task"):
                raise TaskNotFound(f"IMM project {project!r} doesn't know the task {task_id!r}.") from None
            raise
        return TaskStatus(
            task_id=body.task_id or task_id,
            status=body.status or "",
            code=body.code or "",
            message=body.message or "",
            start_time=body.start_time or "",
            end_time=body.end_time or "",
        )

    def list_tasks(self, bucket: str, *, since: datetime, until: datetime) -> Iterator[list[ListedTask]]:
        """Yield the conversions in the project of `bucket` that started between two moments, the newest first.

        A page is requested when the caller wants it: 100 tasks a request, with their definitions. There are ten
        requests a second at most, each one with retries, and half as many each time that IMM throttles. The number of
        pages has no limit; one is in memory. Errors are those of `get_task`.
        """
        project = self.project_of(bucket)
        client = self._connect()
        began = load_imm().models.TimeRange(
            start=since.astimezone(UTC).strftime(SECONDS), end=until.astimezone(UTC).strftime(SECONDS)
        )
        token: str | None = None
        pause, slower = LIST_EVERY, 0
        while True:
            not_before = time.monotonic() + pause
            request = load_imm().models.ListTasksRequest(
                project_name=project,
                task_types=[TASK_TYPE],
                start_time_range=began,
                request_definition=True,
                sort="StartTime",
                order="desc",
                max_results=PAGE,
                next_token=token,
            )
            try:
                body = with_retries(partial(client.list_tasks_with_options, request, self._runtime())).body
            except Exception as exception:
                if slower == SLOWER or not is_throttled(exception):
                    raise
                pause, slower = pause * 2, slower + 1
                continue
            yield [
                ListedTask(str(task.task_id), _moment(task.start_time), _outputs(task.task_request_definition))
                for task in body.tasks or ()
            ]
            token = body.next_token
            if not token:
                return
            time.sleep(max(0.0, not_before - time.monotonic()))

    def project_of(self, bucket: str) -> str:
        """Return the IMM project of a bucket: the setting, or what GetOSSBucketAttachment says.

        IMM is asked once a bucket.

        Raises:
            OssConfigurationError: the bucket is bound to no project.
        """
        if self._settings.imm_project:
            return self._settings.imm_project
        if bucket in self._projects:
            return self._projects[bucket]
        client = self._connect()
        request = load_imm().models.GetOSSBucketAttachmentRequest(ossbucket=bucket)
        try:
            body = client.get_ossbucket_attachment_with_options(request, self._runtime()).body
        except Exception as exception:
            if _is_missing(exception, "attachment"):
                raise OssConfigurationError(_not_bound(bucket)) from None
            raise
        if not body.project_name:
            raise OssConfigurationError(_not_bound(bucket))
        self._projects[bucket] = str(body.project_name)
        return self._projects[bucket]

    def _connect(self) -> Any:
        with self._lock:
            if self._client is None:
                sdk = load_imm()
                config = import_module("alibabacloud_tea_openapi.utils_models")
                settings = self._settings
                address = urlsplit(settings.imm_address)
                self._client = sdk.client.Client(
                    config.Config(
                        access_key_id=settings.access_key_id,
                        access_key_secret=settings.access_key_secret,
                        security_token=settings.security_token,
                        endpoint=address.netloc,
                        protocol=address.scheme,
                        region_id=settings.region,
                    )
                )
            return self._client

    def _runtime(self) -> Any:
        # The SDK counts in milliseconds.
        return import_module("darabonba.runtime").RuntimeOptions(
            connect_timeout=int(self._settings.connect_timeout * 1000),
            read_timeout=int(self._settings.read_timeout * 1000),
            autoretry=False,
        )


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _outputs(definition: str | None) -> frozenset[str]:
    """The addresses that a task writes to, out of the request that made it (a JSON text with `Targets`)."""
    try:
        request = json.loads(definition or "{}")
    except ValueError:
        return frozenset()
    targets = request.get("Targets") if isinstance(request, dict) else None
    uris = (target.get("URI") for target in (targets if isinstance(targets, list) else ()) if isinstance(target, dict))
    return frozenset(uri for uri in uris if isinstance(uri, str))


def _is_missing(exception: Exception, thing: str) -> bool:
    """Whether IMM says `ResourceNotFound` about this kind of thing (its message names the kind)."""
    code, message = str(getattr(exception, "code", "")), str(getattr(exception, "message", ""))
    return code.endswith("ResourceNotFound") and thing in message.lower()


def _not_bound(bucket: str) -> str:
    return (
        f"Bucket {bucket!r} is bound to no IMM project, so OSS can't convert audio in it: bind it in the OSS "
        "console (Data Processing, Intelligent Media Management) or with IMM's AttachOSSBucket."
    )
