"""The trigger that waits for one shard: ids, connection ids and an absolute deadline are all it carries."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

if TYPE_CHECKING:
    from oss_audio_core.pipeline.waiting.progress import Progress


class OSSAudioShardTrigger(BaseTrigger):
    """Wait until nothing of a shard is in flight.

    Any number of copies may run, in any number of triggerers. Success ends the task here (`TaskSuccessEvent`); in
    every other case the task resumes and reads the catalogue, so that Airflow's retries are not skipped.

    :param until: absolute end of the wait, ISO 8601 with offset.
    :param queue: SMQ queue of the completion messages; None: OSS and IMM are asked.
    :param fail_on_error: whether a conversion without an output is the task's failure.
    """

    def __init__(
        self,
        *,
        batch: int,
        uid: str,
        shard: int,
        until: str,
        oss_conn_id: str,
        smq_conn_id: str | None,
        catalogue_conn_id: str,
        queue: str | None,
        ask_after: float,
        fail_on_error: bool,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it without types
        self.batch = batch
        self.uid = uid
        self.shard = shard
        self.until = until
        self.oss_conn_id = oss_conn_id
        self.smq_conn_id = smq_conn_id
        self.catalogue_conn_id = catalogue_conn_id
        self.queue = queue
        self.ask_after = ask_after
        self.fail_on_error = fail_on_error

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return (
            "oss_audio.triggers.shard.OSSAudioShardTrigger",
            {
                "batch": self.batch,
                "uid": self.uid,
                "shard": self.shard,
                "until": self.until,
                "oss_conn_id": self.oss_conn_id,
                "smq_conn_id": self.smq_conn_id,
                "catalogue_conn_id": self.catalogue_conn_id,
                "queue": self.queue,
                "ask_after": self.ask_after,
                "fail_on_error": self.fail_on_error,
            },
        )

    async def run(self) -> AsyncIterator[TriggerEvent]:
        progress = await self._wait()
        if progress is None:
            yield TriggerEvent({"done": False})
            return
        counts = {"converted": progress.converted, "failed": progress.failed}
        if progress.done and not (self.fail_on_error and progress.has_failures):
            yield TaskSuccessEvent(
                xcoms={"return_value": {"batch": self.batch, "uid": self.uid, "shard": self.shard, **counts}}
            )
        else:
            yield TriggerEvent({"done": progress.done, **counts})

    async def _wait(self) -> Progress | None:
        # In a thread: this import takes a fifth of a second, in which no trigger of the triggerer would go on.
        await asyncio.to_thread(import_module, "oss_audio.triggers.shared_pollers")
        from oss_audio.triggers.shared_pollers import PollerKey, wait_for_shard

        key = PollerKey(self.oss_conn_id, self.smq_conn_id, self.catalogue_conn_id, self.queue)
        until = datetime.fromisoformat(self.until)
        return await wait_for_shard(
            key, self.batch, self.uid, self.shard, until=until, ask_after=self.ask_after, log_line=self.log.info
        )
