"""The trigger that waits for one shard: it carries ids, connection ids and an absolute deadline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

from airflow.triggers.base import BaseTrigger, TaskSuccessEvent, TriggerEvent

if TYPE_CHECKING:
    from oss_audio_core.pipeline.waiting.progress import Progress


class ShardTriggerArguments(TypedDict):
    """What Airflow's database keeps of a trigger. A change strands the tasks that are deferred during an upgrade.

    Attributes:
        batch: id of the batch.
        uid: its uid.
        shard: number of the shard.
        until: absolute end of the wait, ISO 8601 with offset.
        oss_conn_id: connection of type `oss`.
        smq_conn_id: connection of type `smq`; None: OSS and IMM are polled.
        catalogue_conn_id: connection of the catalogue.
        queue: SMQ queue of the notifications; None: OSS and IMM are polled.
        ask_after: seconds without progress after which OSS and IMM are polled.
        fail_on_error: whether a conversion without an output is the task's failure.
    """

    batch: int
    uid: str
    shard: int
    until: str
    oss_conn_id: str
    smq_conn_id: str | None
    catalogue_conn_id: str
    queue: str | None
    ask_after: float
    fail_on_error: bool


class OSSAudioShardTrigger(BaseTrigger):
    """Wait until nothing of a shard is in flight.

    Any number of copies may run, in any number of triggerers. Success ends the task here (`TaskSuccessEvent`). In
    every other case the task resumes and reads the catalogue, so that Airflow's retries are not skipped.

    A trigger that another version of this package serialized may have other arguments. Then the task resumes with the
    event `{"unusable": reason}` and fails with a sentence that says to clear it.

    Args:
        arguments: see `ShardTriggerArguments`; all of them are required.
    """

    def __init__(self, **arguments: Unpack[ShardTriggerArguments]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it without types
        self.arguments = arguments

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """What Airflow's database keeps: the class path and the arguments."""
        return "oss_audio.triggers.shard.OSSAudioShardTrigger", dict(self.arguments)

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: the task's success with its result, or what the task resumes with."""
        reason = self._why_unusable()
        if reason:
            yield TriggerEvent({"unusable": reason})
            return
        progress = await self._wait()
        if progress is None:
            yield TriggerEvent({"done": False})
            return
        counts = {"converted": progress.converted, "failed": progress.failed}
        if progress.done and not (self.arguments["fail_on_error"] and progress.has_failures):
            given = self.arguments
            yield TaskSuccessEvent(
                xcoms={
                    "return_value": {"batch": given["batch"], "uid": given["uid"], "shard": given["shard"], **counts}
                }
            )
        else:
            yield TriggerEvent({"done": progress.done, **counts})

    def _why_unusable(self) -> str:
        """Empty where the arguments are those of this version."""
        missing = ShardTriggerArguments.__annotations__.keys() - self.arguments.keys()
        unknown = self.arguments.keys() - ShardTriggerArguments.__annotations__.keys()
        complaints = [
            f"{complaint} {', '.join(sorted(names))}"
            for complaint, names in (("lacks", missing), ("has the unknown", unknown))
            if names
        ]
        return f"its trigger {' and '.join(complaints)}" if complaints else ""

    async def _wait(self) -> Progress | None:
        # In a thread: this import takes a fifth of a second, in which no trigger of the triggerer would go on.
        await asyncio.to_thread(import_module, "oss_audio.triggers.shared_pollers")
        from oss_audio.triggers.shared_pollers import PollerKey, wait_for_shard

        given = self.arguments
        key = PollerKey(given["oss_conn_id"], given["smq_conn_id"], given["catalogue_conn_id"], given["queue"])
        return await wait_for_shard(
            key,
            given["batch"],
            given["uid"],
            given["shard"],
            until=datetime.fromisoformat(given["until"]),
            ask_after=given["ask_after"],
            log_line=self.log.info,
        )
