"""The conversion service: accepts, queues, converts, stores, notifies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path

from starlette.applications import Starlette

from oss_audio_core.audio_convert import ProcessRequest
from oss_local_cloud.config import IMM_PROJECT
from oss_local_cloud.imm import ids, media_info, notification, projects, submit_requests, tasks
from oss_local_cloud.imm.app import build_app
from oss_local_cloud.imm.engine.binaries import Binaries, check, locate
from oss_local_cloud.imm.engine.failure import ConversionFailed
from oss_local_cloud.imm.engine.ffmpeg import FfmpegEngine
from oss_local_cloud.imm.engine.limits import EngineLimits
from oss_local_cloud.imm.fair_queue import FairQueue
from oss_local_cloud.imm.task_hooks import DefaultTaskHooks, TaskHooks
from oss_local_cloud.interfaces import (
    ImmClientError,
    NoSuchBucket,
    NoSuchKey,
    ObjectInfo,
    ObjectStore,
    Submitted,
)
from oss_local_cloud.signatures.acs3 import NonceCache
from oss_local_cloud.signatures.credentials import Credentials
from oss_local_cloud.smq.errors import SmqRequestError
from oss_local_cloud.sqlite_thread import SqliteThread

log = logging.getLogger(__name__)

Publish = Callable[[str, bytes], Awaitable[object]]
TopicExists = Callable[[str], Awaitable[bool]]
_OPEN_ATTEMPTS = 5
_RECORD_SECONDS = 0.2
"""Seconds until a published notification is recorded; a crash meanwhile has it published again."""
_TASKS_PER_SLOT = 3  # while one is converted, its neighbours are fetched, stored and published; cores never wait


class ImmService:
    """`audio/convert` for the buckets of `store`, kept in `data_dir/imm.db`. An AsyncProcessor.

    What `submit` accepted is finished after any crash, in turns by bucket (FairQueue), `workers` at once (default:
    one per core). `publish` sends a notification's bytes to a topic and `topic_exists` says whether there is
    one. `app` serves the IMM API. `clock` gives seconds since the epoch. `task_hooks` are
    those of fault injection; by default tasks are neither delayed nor failed.
    """

    def __init__(
        self,
        data_dir: Path,
        store: ObjectStore,
        publish: Publish,
        topic_exists: TopicExists,
        region: str,
        credentials: Credentials,
        *,
        workers: int | None = None,
        limits: EngineLimits | None = None,
        clock: Callable[[], float] = time.time,
        task_hooks: TaskHooks | None = None,
    ) -> None:
        self.store = store
        self.region = region
        self.credentials = credentials
        self.clock = clock
        self.nonces = NonceCache()
        self._publish = publish
        self._topic_exists = topic_exists
        self._workers = workers or os.cpu_count() or 1
        self._limits = limits or EngineLimits()
        self._task_hooks = task_hooks or DefaultTaskHooks()
        self._db = SqliteThread(data_dir / "imm.db", tasks.SCHEMA + projects.SCHEMA)
        self._queue = FairQueue()
        self._published: list[int] = []
        self._any_published = asyncio.Event()
        self._slots = asyncio.Semaphore(self._workers)
        self._info_slots = asyncio.Semaphore(self._workers)
        self._running: list[asyncio.Task[None]] = []
        self._engine: FfmpegEngine | None = None
        self._binaries: Binaries | None = None
        self.app: Starlette = build_app(self)

    async def start(self) -> None:
        """Find FFmpeg, open the database, take up what an earlier process left; raises EngineUnavailable."""
        binaries = locate()
        await asyncio.to_thread(check, binaries)
        self._binaries = binaries
        self._engine = FfmpegEngine(binaries, self._limits, self.store.scratch())
        await self._db.start()
        ordinary = projects.Project(IMM_PROJECT, "", "", self.now_ms())
        await self._db.run(lambda db: projects.add(db, ordinary))
        unnotified, unfinished = await self._db.run(lambda db: (tasks.unnotified(db), tasks.unfinished(db)))
        if unfinished or unnotified:
            log.info("%d tasks to finish and %d notifications to publish", len(unfinished), len(unnotified))
        for bucket, number in unfinished:
            self._queue.put(bucket, number)
        self._running = [
            asyncio.create_task(self._notify_all(unnotified)),
            asyncio.create_task(self._record_published_in_batches()),
        ]
        self._running += [asyncio.create_task(self._work()) for _ in range(_TASKS_PER_SLOT * self._workers)]

    async def stop(self) -> None:
        """End the conversions that run (the next start begins them again) and close the database."""
        for running in self._running:
            running.cancel()
        for running in self._running:
            with contextlib.suppress(asyncio.CancelledError):
                await running
        self._running = []
        await self._record_published()
        await self._db.stop()

    @property
    def database(self) -> SqliteThread:
        """The tasks, for the API about them."""
        return self._db

    def now_ms(self) -> int:
        """The service's clock in milliseconds since the epoch."""
        return int(self.clock() * 1000)

    async def submit(self, bucket: str, key: str, process: str) -> Submitted:
        """Accept a conversion; returns after the task is on the disk. Raises ImmClientError."""
        request = submit_requests.parse(process)
        now_ms = self.now_ms()
        project, target = self._resolve(bucket, key, request, now_ms)
        topic = request.notify_topic
        if topic is not None and not await self._topic_exists(topic):
            raise submit_requests.invalid("notify topic", f"the topic {topic} does not exist in region {self.region}.")
        task = tasks.NewTask(
            task_id=ids.task_id(),
            event_id=ids.event_id(),
            request_id=ids.request_id(),
            project=project,
            bucket=bucket,
            key=key,
            process=process,
            target_bucket=target.bucket,
            target_key=target.key,
            topic=topic,
            started_ms=now_ms,
        )
        number = await self._db.run(lambda db: tasks.add(db, task))
        self._queue.put(bucket, number)
        return Submitted(task.event_id, task.request_id, task.task_id)

    async def audio_info(self, bucket: str, key: str) -> dict[str, object]:
        """What DetectMediaMeta knows of an object's audio; as many are read at once as there are workers.

        Raises ImmClientError: 404 for a bucket without a project, 400 for what is not audio.
        """
        if self._binaries is None:
            raise RuntimeError("the conversion service is not started")
        if self.store.imm_project(bucket) is None:
            raise submit_requests.not_found("Attachment")
        request_id = ids.request_id()
        try:
            async with self._info_slots:
                with self._open_source(bucket, key) as source:
                    found = await media_info.read(source, self._binaries, self._limits, self.store.scratch())
        except ConversionFailed as failure:
            raise ImmClientError(400, f"{failure.code}, {failure.message} [{request_id}]") from failure
        return {"RequestId": request_id, **found}

    def _resolve(
        self, bucket: str, key: str, request: ProcessRequest, now_ms: int
    ) -> tuple[str, submit_requests.Target]:
        """The project of the source's bucket, and the target, whose bucket must exist."""
        project = self.store.imm_project(bucket)
        if project is None:
            raise submit_requests.not_found("Attachment")
        if request.saveas is None:
            raise submit_requests.invalid("target", "is required.")
        source = self.store.head(bucket, key)
        target = submit_requests.resolve(request.saveas, source, request.convert.format.extension, now_ms)
        try:
            self.store.imm_project(target.bucket)
        except NoSuchBucket:
            raise submit_requests.invalid("saveas b", f"the bucket {target.bucket} does not exist.") from None
        return project, target

    async def _work(self) -> None:
        while True:
            number = await self._queue.get()
            try:
                await self._run(number)
            except Exception:
                # The row still says Running, so the next start takes it up; this worker goes on with the
                # others.
                log.exception("task number %d could not be brought to an end", number)

    async def _run(self, number: int) -> None:
        task = tasks.get(self._db.reader(), number)
        if seconds := await self._task_hooks.delay(task):
            asyncio.get_running_loop().call_later(seconds, self._queue.put, task.bucket, number)
            return
        status, code, message = tasks.SUCCEEDED, "", ""
        try:
            await self._task_hooks.convert(task, partial(self._convert, task))
        except ConversionFailed as failure:
            status, code, message = tasks.FAILED, failure.code, failure.message
        except Exception:
            log.exception("task %s ended by an error of the service", task.task_id)
            status, code, message = tasks.FAILED, "InternalError", "the service could not do the conversion"
        ended = await self._db.run(lambda db: tasks.finish(db, number, status, code, message, self.now_ms()))
        # `%r`: keys and messages may have a newline or an escape sequence in them.
        log.info("task %s of %s/%r: %s %r", task.task_id, task.bucket, task.key, status, message)
        await self._notify(ended)

    async def _convert(self, task: tasks.Task) -> ObjectInfo:
        if self._engine is None:
            raise RuntimeError("the conversion service is not started")
        convert = submit_requests.conversion(task.process)
        # A name of this try alone: an FFmpeg that outlived a killed service may only now open the one it was given.
        target = self.store.scratch() / f"{task.task_id}.{secrets.token_hex(4)}.rendition"
        try:
            with self._open_source(task.bucket, task.key) as source:
                async with self._slots:
                    await self._engine.convert(convert, source, target)
            return await asyncio.to_thread(self._store, task, target, convert.format.content_type)
        finally:
            target.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _open_source(self, bucket: str, key: str) -> Iterator[Path]:
        """The source's open file: it can be read by this name, even when the object is overwritten or deleted."""
        for _ in range(_OPEN_ATTEMPTS):
            try:
                info = self.store.head(bucket, key)
            except (NoSuchBucket, NoSuchKey) as error:
                raise ConversionFailed("ResourceNotFound", f"the source is gone: {error}") from error
            try:
                descriptor = os.open(info.path, os.O_RDONLY)
            except FileNotFoundError:
                continue  # overwritten between the two: look it up again
            break
        else:
            raise ConversionFailed("ResourceNotFound", "the source is overwritten too often to be read")
        try:
            yield Path(f"/proc/{os.getpid()}/fd/{descriptor}")
        finally:
            os.close(descriptor)

    def _store(self, task: tasks.Task, rendition: Path, content_type: str) -> ObjectInfo:
        try:
            return self.store.put_file(task.target_bucket, task.target_key, rendition, content_type=content_type)
        except NoSuchBucket as error:
            raise ConversionFailed("ResourceNotFound", f"the target is gone: {error}") from error

    async def _notify_all(self, numbers: list[int]) -> None:
        for number in numbers:
            try:
                await self._notify(tasks.get(self._db.reader(), number))
            except Exception:
                # The row stays unnotified for the next start; the others have their turn.
                log.exception("the notification of task number %d was not published", number)

    async def _notify(self, task: tasks.Task) -> None:
        """Publish a task's notification, then note that it was published."""
        if task.topic is None:
            return
        try:
            body = notification.body(task, self.region)
            await self._task_hooks.notify(task, task.topic, body, self._publish)
        except SmqRequestError as error:
            # The topic was deleted meanwhile. A later start would not change that.
            log.warning("the notification of task %s was not published: %s", task.task_id, error)
        self._published.append(task.number)
        self._any_published.set()

    async def _record_published_in_batches(self) -> None:
        """Record published notifications, many at a time."""
        while True:
            await self._any_published.wait()
            await asyncio.sleep(_RECORD_SECONDS)
            self._any_published.clear()
            try:
                await self._record_published()
            except sqlite3.Error:
                log.exception("which notifications are published could not be recorded; it is tried again")
                self._any_published.set()

    async def _record_published(self) -> None:
        published = tuple(self._published)
        if published:
            await self._db.run(lambda db: tasks.mark_notified(db, published))
            del self._published[: len(published)]
