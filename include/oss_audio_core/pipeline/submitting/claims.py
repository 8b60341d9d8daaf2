"""Claiming the planned conversions of a shard: a claim precedes every POST and names the key the attempt writes to."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from oss_audio_core.audio_convert import FORMATS, AudioConvert
from oss_audio_core.catalogue import conversions, slots, staging_keys
from oss_audio_core.catalogue.conversions import Conversion
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.states import State, Verb
from oss_audio_core.pipeline.submitting.options import SubmitOptions
from oss_audio_core.pipeline.submitting.throttle import Throttle
from oss_audio_core.text.logs import get_logger

log = get_logger(__name__)

BACKLOG = 1000
"""Planned conversions read at once; they are claimed in turns of the pool's size."""


@dataclass(frozen=True)
class Claim:
    """A claimed conversion.

    Attributes:
        token: what later moves of this claim show.
        lease_until: the end of the claim.
        claimed_at: when it was claimed, monotonic.
    """

    conversion: Conversion
    token: str
    lease_until: datetime
    claimed_at: float

    @staticmethod
    def new_token() -> str:
        """A token that no other claim has."""
        return secrets.token_hex(8)


class ShardClaimer:
    """Claims the planned conversions of one shard, as many at a time as the slots and the throttle allow.

    Other processes may claim from the same backlog: a conversion that one of them took is left out.

    Attributes:
        slots_full: whether the endpoint had no free slot at the last claim.
    """

    def __init__(
        self,
        endpoint: str,
        batch_id: int,
        shard: int,
        staging_folder: str,
        lease: timedelta,
        options: SubmitOptions,
        throttle: Throttle,
    ) -> None:
        """Prepare; nothing is read yet.

        Args:
            endpoint: the service whose slots are claimed.
            batch_id: the batch.
            shard: the batch's shard.
            staging_folder: where the staged attempts of the shard write to.
            lease: how long a claim lasts.
            options: how the shard is submitted.
            throttle: how fast conversions may be claimed.
        """
        self.slots_full = False
        self._endpoint = endpoint
        self._batch_id = batch_id
        self._shard = shard
        self._staging_folder = staging_folder
        self._lease = lease
        self._options = options
        self._throttle = throttle
        self._backlog: list[Conversion] = []

    @property
    def has_backlog(self) -> bool:
        """Whether planned conversions were read that are not claimed yet."""
        return bool(self._backlog)

    def claim(self, connection: Connection, in_flight: int) -> list[Claim]:
        """Claim as many conversions as the pool has room for.

        Args:
            connection: a writing one.
            in_flight: POSTs that the pool is busy with.
        """
        if not self._backlog:
            self._backlog = conversions.of_batch(
                connection, self._batch_id, [State.PLANNED], shard=self._shard, limit=BACKLOG
            )
        wanted = min(len(self._backlog), self._options.concurrency - in_flight)
        count = self._throttle.allowed(self._free_slots(connection, wanted))
        turn, self._backlog = self._backlog[:count], self._backlog[count:]
        if not turn:
            return []
        token, lease_until = Claim.new_token(), now() + self._lease
        claimed = conversions.claim(
            connection,
            Verb.CLAIM,
            [one.id for one in turn],
            token=token,
            lease_until=lease_until,
            endpoint=self._endpoint,
        )
        claimed_at = time.monotonic()
        placed = [replace(one, output_bucket=one.target_bucket, output_key=self._output_key(one)) for one in claimed]
        conversions.record_outputs(connection, placed)
        return [Claim(one, token, lease_until, claimed_at) for one in placed]

    def _free_slots(self, connection: Connection, wanted: int) -> int:
        """How many of the wanted conversions the endpoint has slots for."""
        if self._options.in_flight is None or not wanted:
            self.slots_full = False
            return wanted
        limit = self._options.in_flight
        free = min(wanted, slots.free(connection, self._endpoint, limit, deadline=self._options.deadline))
        if not free and not self.slots_full:
            log.info("all %d slots of %s are taken: waiting", limit, self._endpoint)
        self.slots_full = not free
        return free

    def _output_key(self, claimed: Conversion) -> str:
        if claimed.publish != "staged":
            return claimed.target_key
        extension = FORMATS[AudioConvert.parse(claimed.process).f].extension
        return staging_keys.output_key(self._staging_folder, claimed.id, claimed.attempt, extension)
