"""`OSSAudioConvertSensor`: waits for a notification, the output object or GetTask, whichever comes first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import BaseSensorOperator, Context
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowRescheduleException,
    AirflowSensorTimeout,
    AirflowSkipException,
)

from oss_audio.defaults import SMQ_CONNECTION, queue_of
from oss_audio.hooks.catalogue import CatalogueHook
from oss_audio.hooks.oss import OSSAudioHook
from oss_audio.hooks.smq import SMQHook
from oss_audio.translate_errors import translate_errors
from oss_audio.triggers.shard import OSSAudioShardTrigger
from oss_audio.values import ShardHandle, as_shard, as_text
from oss_audio_core.catalogue import FAILED_STATES, Catalogue, batches, conversions, open_catalogue
from oss_audio_core.pipeline.waiting.progress import LEFT_OUT, read_progress
from oss_audio_core.pipeline.waiting.shard_waiter import poke
from oss_audio_core.pipeline.waiting.shared_poller import refresh
from oss_audio_core.smq import SmqSettings, SmqUnavailable, check_smq
from oss_audio_core.text.escaping import for_log

GRACE = timedelta(minutes=5)
"""How long Airflow lets the trigger overrun its own end before it cuts the deferral off."""


class OSSAudioConvertSensor(BaseSensorOperator):
    """Wait for what `OSSAudioConvertOperator` submitted.

    Deferrable by default: the wait costs one trigger for a whole shard, and on success the task ends inside it. With
    `deferrable=False` it pokes, in either mode of Airflow's sensors.

    Args:
        shard: what `OSSAudioConvertOperator` returned.
        smq_queue: SMQ queue of the notifications; None: as this deployment has set it for its own connection, or
            the connection's; empty: the connection's.
        ask_after: seconds without progress after which OSS and IMM are polled.
        fail_on_error: whether a failed conversion fails the task, and one that was left out (an empty source) where
            nothing else came of the shard. By default only where the shard is one conversion; in a batch it is a row
            with its reason, and its neighbours go on.
        smq_conn_id: connection of type `smq`; None: OSS and IMM are polled from the start.

    Returns:
        `{"batch": id, "uid": text, "shard": n, "converted": n, "failed": n}`
    """

    template_fields: Sequence[str] = ("shard", "smq_queue")
    ui_color: str = "#e6f3ef"
    ui_fgcolor: str = "#1e4d3f"

    def __init__(
        self,
        *,
        shard: Any,
        smq_queue: str | None = None,
        ask_after: float = 60.0,
        fail_on_error: bool | None = None,
        deferrable: bool = True,
        timeout: timedelta | float = timedelta(hours=12),
        oss_conn_id: str = "oss_default",
        smq_conn_id: str | None = SMQ_CONNECTION,
        catalogue_conn_id: str = "audio_catalogue",
        **kwargs: Any,
    ) -> None:
        super().__init__(timeout=timeout, **kwargs)
        self.shard = shard
        self.smq_queue = queue_of(smq_queue, smq_conn_id)
        self.ask_after = ask_after
        self.fail_on_error = fail_on_error
        self.deferrable = deferrable
        self.oss_conn_id = oss_conn_id
        self.smq_conn_id = smq_conn_id
        self.catalogue_conn_id = catalogue_conn_id

    def execute(self, context: Context) -> Any:
        """Wait: by deferral, or by poking."""
        with self._skipping_failures():
            return self._wait(context)

    def _wait(self, context: Context) -> Any:
        shard = as_shard(self.shard)
        until = datetime.now(UTC) + timedelta(seconds=self.timeout)
        # A trigger that fires at once may fail its task (airflow #66374): a shard that is done never gets one.
        self._smq()  # a wrong connection fails the task at once, not only when there is something to wait for
        with self._known_batch() as catalogue:
            if refresh(catalogue, [self._shard])[self._shard].done:
                return self._result()
        self._check_queue()
        if not self.deferrable:
            super().execute(context)
            return self._result()
        return self.defer(
            trigger=OSSAudioShardTrigger(
                **shard,
                until=until.isoformat(),
                oss_conn_id=self.oss_conn_id,
                smq_conn_id=self.smq_conn_id,
                catalogue_conn_id=self.catalogue_conn_id,
                queue=self._queue(),
                ask_after=self.ask_after,
                fail_on_error=self._fails_on_error(),
            ),
            method_name="execute_complete",
            timeout=timedelta(seconds=self.timeout) + GRACE,
        )

    def execute_complete(self, context: Context, event: dict[str, Any] | None = None) -> dict[str, Any]:
        """Resume after the trigger's event; the result comes from the catalogue.

        Raises:
            AirflowFailException: a conversion failed, or the trigger was deferred by another version of this package.
        """
        if event is not None and "unusable" in event:
            raise AirflowFailException(
                f"this task was deferred by another version of the package and can't go on: {event['unusable']}. Clear "
                "the task: it then waits again, and nothing is submitted twice."
            )
        return self._result()

    def poke(self, context: Context) -> bool:
        """Drain the queue once, poll once."""
        oss = OSSAudioHook(self.oss_conn_id).settings
        smq = self._smq()
        with self._known_batch() as catalogue:
            progress = poke(catalogue, oss, smq, self._queue(), self._shard)
        self.log.info("%s", progress)
        return progress.done

    @contextmanager
    def _skipping_failures(self) -> Iterator[None]:
        """Apply `soft_fail` and `never_fail` where Airflow doesn't: it does in a poke and after a deferral."""
        try:
            yield
        except (AirflowSkipException, AirflowRescheduleException):
            raise
        except Exception as error:
            for_good = isinstance(error, AirflowFailException | AirflowSensorTimeout)
            if self.never_fail or (self.soft_fail and for_good):
                raise AirflowSkipException(f"skipped, and not failed: {error}") from error
            raise

    @property
    def _shard(self) -> tuple[int, int]:
        shard = as_shard(self.shard)
        return shard["batch"], shard["shard"]

    @contextmanager
    def _known_batch(self) -> Iterator[Catalogue]:
        """The catalogue, if it has the batch: in a replaced one nothing is in flight, which must not pass for done."""
        shard = as_shard(self.shard)
        oss = OSSAudioHook(self.oss_conn_id).settings
        with translate_errors("Waiting for conversions", oss), self._catalogue() as catalogue:
            with catalogue.read() as connection:
                batches.get_batch(connection, shard["batch"], shard["uid"])
            yield catalogue

    @contextmanager
    def _catalogue(self) -> Iterator[Catalogue]:
        catalogue = open_catalogue(CatalogueHook(self.catalogue_conn_id).url)
        try:
            yield catalogue
        finally:
            catalogue.close()

    def _smq(self) -> SmqSettings | None:
        return SMQHook(self.smq_conn_id).settings if self.smq_conn_id and self._queue() else None

    def _queue(self) -> str | None:
        if self.smq_conn_id is None:
            return None
        return as_text(self.smq_queue) or SMQHook(self.smq_conn_id).queue

    def _check_queue(self) -> None:
        """Make sure that the queue is there. Its messages are only a hint: an outage is no reason not to wait."""
        queue = self._queue()
        if self.smq_conn_id is not None and queue is not None:
            with translate_errors("Waiting for conversions"):
                try:
                    check_smq(SMQHook(self.smq_conn_id).settings, queue=queue)
                except SmqUnavailable as error:
                    self.log.warning("%s Waiting all the same: OSS and IMM are asked.", for_log(str(error)))

    def _fails_on_error(self) -> bool:
        if self.fail_on_error is not None:
            return self.fail_on_error
        shard = as_shard(self.shard)
        with (
            translate_errors("Waiting for conversions"),
            self._catalogue() as catalogue,
            catalogue.read() as connection,
        ):
            counts = conversions.count_states(connection, shard["batch"], shard=shard["shard"])
        return sum(counts.values()) == 1

    def _result(self) -> dict[str, Any]:
        """What became of the shard, as the catalogue has it."""
        shard: ShardHandle = as_shard(self.shard)
        with (
            translate_errors("Waiting for conversions"),
            self._catalogue() as catalogue,
            catalogue.read() as connection,
        ):
            batches.get_batch(connection, shard["batch"], shard["uid"])
            progress = read_progress(connection, [self._shard])[self._shard]
            without = conversions.of_batch(
                connection, shard["batch"], FAILED_STATES, shard=shard["shard"], limit=1
            ) or conversions.of_batch(connection, shard["batch"], LEFT_OUT, shard=shard["shard"], limit=1)
        if not progress.done:
            raise AirflowSensorTimeout(
                f"{progress.in_flight} conversions of shard {shard['shard']} of batch {shard['batch']} are still in "
                f"flight after {timedelta(seconds=self.timeout)}"
            )
        if progress.has_failures and self._fails_on_error():
            one = without[0]
            verb = "failed" if one.state in FAILED_STATES else f"was {one.state.value}"
            reason = ": ".join(text for text in (one.code, one.message) if text)
            raise AirflowFailException(for_log(f"oss://{one.bucket}/{one.key} {verb}: {reason}"))
        self.log.info("%d converted, %d failed", progress.converted, progress.failed)
        return {
            **shard,
            "converted": progress.converted,
            "failed": progress.failed,
        }
