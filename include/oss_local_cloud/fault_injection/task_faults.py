"""Tasks that fail, are delayed, or reuse a rendition that was made before."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from oss_local_cloud.fault_injection.durations import sample
from oss_local_cloud.fault_injection.fault_injector import ActiveRule, FaultInjector, FaultSubject, matches_key
from oss_local_cloud.fault_injection.message_faults import MessageFaults
from oss_local_cloud.fault_injection.rendition_cache import RenditionCache, by_content, by_header
from oss_local_cloud.fault_injection.rules import Failed, Instant, Slow, TaskRule
from oss_local_cloud.imm import submit_requests
from oss_local_cloud.imm.engine.failure import ConversionFailed
from oss_local_cloud.imm.task_hooks import Convert, Publish
from oss_local_cloud.imm.tasks import Task
from oss_local_cloud.interfaces import NoSuchBucket, NoSuchKey, ObjectInfo
from oss_local_cloud.store.object_rows import ObjectAttributes
from oss_local_cloud.store.object_store import LocalObjectStore


class _SourceChanged(Exception):
    """The source changed during the conversion, so the rendition may be of the older one."""


class FaultyTaskHooks:
    """The task hooks (see `imm.task_hooks`) that apply the rules of an injector."""

    def __init__(self, injector: FaultInjector, store: LocalObjectStore, message_faults: MessageFaults) -> None:
        self._injector = injector
        self._store = store
        self._message_faults = message_faults
        self._renditions = RenditionCache(injector.directory / "renditions")
        self._delayed: set[int] = set()

    async def delay(self, task: Task) -> float:
        """The seconds of the rules that fire the first time; 0 the next time."""
        if task.number in self._delayed:
            self._delayed.discard(task.number)
            return 0.0
        seconds = 0.0
        for active in self._injector.tasks:
            if isinstance(active.rule, Slow) and (random := self._fires(active, task)) is not None:
                drawn = sample(active.rule.seconds, random)
                seconds += drawn
                await self._injector.record(active, _subject(task), detail=f"{drawn:.3f} s")
        if seconds > 0:
            self._delayed.add(task.number)
        return seconds

    async def convert(self, task: Task, convert: Convert) -> None:
        """Fail, use a kept rendition, or convert; the first Failed or Instant rule that fires decides."""
        for active in self._injector.tasks:
            rule = active.rule
            if isinstance(rule, Failed | Instant) and self._fires(active, task) is not None:
                await self._injector.record(active, _subject(task), detail=getattr(rule, "code", ""))
                if isinstance(rule, Failed):
                    raise ConversionFailed(rule.code, rule.message)
                await self._reuse(task, convert, by_header if rule.equal == "header" else by_content)
                return
        await convert()

    async def notify(self, task: Task, topic: str, body: bytes, publish: Publish) -> None:
        """Publish by the rules for messages."""
        await self._message_faults.publish_of_task(topic, body.decode(), task, _identity(task))

    def _fires(self, active: ActiveRule[TaskRule], task: Task) -> Random | None:
        if not matches_key(active.rule, task.bucket, task.key):
            return None
        return self._injector.fires(active, _identity(task))

    async def _reuse(self, task: Task, convert: Convert, fingerprint: Callable[[ObjectInfo], str]) -> None:
        """Store what was made of an equal source, as an object of its own; convert when there is nothing yet."""
        made_here = False

        async def make() -> ObjectInfo:
            nonlocal made_here
            made = await convert()
            made_here = True
            if self._source(task).etag != source.etag:
                raise _SourceChanged
            return made

        try:
            source = self._source(task)
            rendition = await self._renditions.find(fingerprint(source), _parameters(task), make)
            if not made_here:
                attributes = ObjectAttributes(submit_requests.conversion(task.process).format.content_type)
                target = (task.target_bucket, task.target_key)
                await self._store.copy_async(rendition, *target, attributes)
        except _SourceChanged:
            return
        except NoSuchBucket as error:
            raise ConversionFailed("ResourceNotFound", f"the target is gone: {error}") from error

    def _source(self, task: Task) -> ObjectInfo:
        try:
            return self._store.head(task.bucket, task.key)
        except (NoSuchBucket, NoSuchKey) as error:
            raise ConversionFailed("ResourceNotFound", f"the source is gone: {error}") from error


def _parameters(task: Task) -> str:
    return task.process.partition("|")[0]


def _identity(task: Task) -> str:
    return f"{task.bucket}/{task.key} {_parameters(task)}"


def _subject(task: Task) -> FaultSubject:
    return FaultSubject(bucket=task.bucket, key=task.key, task_id=task.task_id)
