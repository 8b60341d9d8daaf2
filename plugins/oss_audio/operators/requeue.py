"""The first step of a batch that tries failures again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk import Context

from oss_audio.defaults import SHARD_MINUTES, SHARD_SIZE
from oss_audio.operators.base import OSSAudioOpenBatchOperator
from oss_audio.translate_errors import translate_errors
from oss_audio.values import as_flag, as_number, as_text
from oss_audio_core.catalogue import batches
from oss_audio_core.pipeline.requeueing import Wanted, requeue
from oss_audio_core.pipeline.sharding import ShardLimits


class OSSAudioRequeueOperator(OSSAudioOpenBatchOperator):
    """Plan failed conversions again, as a batch of this run; every condition given must hold.

    Args:
        failed_batch: name of the batch that wanted them, `dag_id/run_id` as its report's title has it; any when
            empty.
        code: the failure's code as the report counts it; any when empty.
        profile: name of the rendition; any when empty.
        dead: also those without attempts left.
        attempts: so many more attempts a dead one gets.
        limit: at most so many, the oldest failures first.
        shard_size: most conversions of a shard, as far as 64 shards suffice.
        shard_minutes: about so many minutes of sources in a shard, likewise.

    Returns:
        `{"batch": id, "uid": text}`.
    """

    template_fields: Sequence[str] = ("failed_batch", "code", "profile", "dead", "attempts", "limit")

    def __init__(
        self,
        *,
        failed_batch: Any = None,
        code: Any = None,
        profile: Any = None,
        dead: Any = False,
        attempts: Any = 1,
        limit: Any = None,
        shard_size: int = SHARD_SIZE,
        shard_minutes: float = SHARD_MINUTES,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.failed_batch = failed_batch
        self.code = code
        self.profile = profile
        self.dead = dead
        self.attempts = attempts
        self.limit = limit
        self.shard_size = shard_size
        self.shard_minutes = shard_minutes

    def execute(self, context: Context) -> dict[str, Any]:
        """Choose the failures and plan them."""
        settings = self.oss()
        with translate_errors("Planning failures again", settings), self.catalogue() as catalogue:
            self.refuse_unknown_params(context)
            attempts = as_number("attempts", self.attempts)
            wanted = Wanted(
                batch=as_text(self.failed_batch),
                code=as_text(self.code),
                profile=as_text(self.profile),
                dead=as_flag("dead", self.dead),
                attempts=Wanted.attempts if attempts is None else attempts,
                limit=as_number("limit", self.limit),
            )
            shards = ShardLimits(self.shard_size, self.shard_minutes)
            batch_id = requeue(catalogue, self.batch_name(context), wanted, shards, oss=settings)
            with catalogue.read() as connection:
                return {"batch": batch_id, "uid": batches.get_batch(connection, batch_id).uid}
