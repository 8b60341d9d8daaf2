"""`OSSAudioConvertOperator`: submits audio/convert, one conversion or a shard of a batch, exactly once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.batch_name import run_name
from oss_audio.defaults import (
    CATALOGUE_PREFIX,
    MAX_IN_FLIGHT,
    MAX_PER_SECOND,
    SMQ_CONNECTION,
    STAGING_PREFIX,
    queue_of,
    topic_of,
)
from oss_audio.hooks.smq import SMQHook
from oss_audio.lineage import Datasets, lineage
from oss_audio.links import OSSConsoleLink, console_address
from oss_audio.operators.base import OSSAudioOperator, counted
from oss_audio.translate_errors import translate_errors
from oss_audio.values import ShardHandle, as_flag, as_shard, as_text
from oss_audio_core.audio_convert import AudioConvert, load_profiles
from oss_audio_core.catalogue import Catalogue, batches
from oss_audio_core.catalogue.batches import ListedObject
from oss_audio_core.oss import OssSettings, check_bucket, check_imm
from oss_audio_core.pipeline.batch_request import BatchRequest, RequestError
from oss_audio_core.pipeline.key_patterns import escape
from oss_audio_core.pipeline.single_conversion import plan_single
from oss_audio_core.pipeline.submitting.options import SubmitOptions
from oss_audio_core.pipeline.submitting.shard_submitter import submit_shard
from oss_audio_core.pipeline.submitting.slot_reclaimer import SlotReclaimer
from oss_audio_core.smq import SmqSettings, check_smq


@dataclass(frozen=True)
class _Smq:
    """Where notifications go, and where they are read; all None without SMQ."""

    settings: SmqSettings | None
    topic: str | None
    queue: str | None


class OSSAudioConvertOperator(OSSAudioOperator):
    """Submit conversions to OSS; `OSSAudioConvertSensor` waits for them.

    Either a shard of a planned batch (`shard`), or one conversion (`bucket`, `key`, and what to make of it). Running
    it again, in a retry or after a clear, submits nothing twice: every conversion is in the catalogue first. One
    conversion that has failed is tried again.

    Args:
        shard: one element of what `OSSAudioPlanOperator` returned.
        bucket: of the one source.
        key: of the one source.
        profile: name of a profile, whose target is used unless `target_key` says another.
        convert: instead of a profile, the parameters of audio/convert, as a mapping (`{"f": "mp3", "ab": 128000}`) or
            as text (`"audio/convert,f_mp3,ab_128000"`).
        target_key: where the one rendition goes.
        target_bucket: the source's bucket when empty.
        force: make the one rendition anew even if it is there.
        smq_topic: SMQ topic for the notification; None: as this deployment has set it for its own connection, or
            the connection's; empty: the connection's.
        smq_queue: SMQ queue that the sensor will read, looked for before anything is submitted; None or empty: as for
            the topic.
        staging_prefix: where attempts of a batch write, in the target's bucket. One conversion writes to its target at
            once.
        concurrency: requests at once.
        max_in_flight: conversions that the endpoint may have at once, over all runs that use this catalogue; where all
            slots are taken the task waits, and finds out what has ended. None: no limit.
        max_per_second: requests a second; None: as fast as OSS takes them.
        deadline: a conversion that is not done so long after its submit has failed.
        smq_conn_id: connection of type `smq`; None: no message is asked for, and the sensor asks OSS and IMM.

    Returns:
        a handle for `OSSAudioConvertSensor(shard=convert.output)`
    """

    template_fields: Sequence[str] = (
        "shard",
        "bucket",
        "key",
        "profile",
        "convert",
        "target_key",
        "target_bucket",
        "force",
        "smq_topic",
        "smq_queue",
        "staging_prefix",
    )
    operator_extra_links = (OSSConsoleLink(),)

    def __init__(
        self,
        *,
        shard: Any = None,
        bucket: str | None = None,
        key: str | None = None,
        profile: str | None = None,
        convert: Mapping[str, Any] | str | None = None,
        target_key: str | None = None,
        target_bucket: str | None = None,
        force: Any = False,
        smq_topic: str | None = None,
        smq_queue: str | None = None,
        staging_prefix: str = STAGING_PREFIX,
        concurrency: int = 16,
        max_in_flight: int | None = MAX_IN_FLIGHT,
        max_per_second: float | None = MAX_PER_SECOND,
        deadline: timedelta = timedelta(hours=6),
        smq_conn_id: str | None = SMQ_CONNECTION,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.shard = shard
        self.bucket = bucket
        self.key = key
        self.profile = profile
        self.convert = convert
        self.target_key = target_key
        self.target_bucket = target_bucket
        self.force = force
        self.smq_topic = topic_of(smq_topic, smq_conn_id)
        self.smq_queue = queue_of(smq_queue, smq_conn_id)
        self.staging_prefix = staging_prefix
        self.concurrency = concurrency
        self.max_in_flight = max_in_flight
        self.max_per_second = max_per_second
        self.deadline = deadline
        self.smq_conn_id = smq_conn_id
        self.console_address = ""
        self.datasets = Datasets()

    def execute(self, context: Context) -> ShardHandle:
        """Submit, and return the handle of the shard."""
        settings = self.oss()
        with translate_errors("Submitting conversions", settings):
            if self.shard is None:
                bucket, key = self._target()
                self.console_address = console_address(settings, bucket, key)
                self.datasets = Datasets([f"oss://{self.bucket}/{self.key}"], [f"oss://{bucket}/{key}"])
            smq = self._checked_smq()
            options = SubmitOptions(
                staging=self.staging_prefix,
                topic=smq.topic,
                concurrency=self.concurrency,
                per_second=self.max_per_second,
                in_flight=self.max_in_flight,
                deadline=self.deadline,
            )
            with self.catalogue() as catalogue:
                shard = as_shard(self.shard) if self.shard is not None else self._plan(catalogue, settings, context)
                reclaimer = SlotReclaimer(catalogue, settings, smq.settings, smq.queue)
                outcomes = submit_shard(
                    catalogue,
                    settings,
                    shard["batch"],
                    shard["shard"],
                    options,
                    reclaimer.reclaim_slots,
                    uid=shard["uid"],
                )
        summary = counted(outcomes) or "nothing left to submit"
        self.log.info("Shard %d of batch %d: %s", shard["shard"], shard["batch"], summary)
        return shard

    def _checked_smq(self) -> _Smq:
        """SMQ, after making sure that topic and queue are there.

        A conversion asked to notify a missing topic would fail; the sensor would miss the queue only when everything is
        submitted and paid for.
        """
        if self.smq_conn_id is None:
            return _Smq(None, None, None)
        hook = SMQHook(self.smq_conn_id)
        topic = as_text(self.smq_topic) or hook.topic
        queue = as_text(self.smq_queue) or hook.queue
        if topic is not None or queue is not None:
            check_smq(hook.settings, queue=queue, topic=topic)
        return _Smq(hook.settings, topic, queue)

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """For OpenLineage: source and target of the one conversion; the publishing task has those of a shard."""
        return lineage(self.datasets)

    def _plan(self, catalogue: Catalogue, settings: OssSettings, context: Context) -> ShardHandle:
        """Plan a batch of one."""
        import oss2

        if self._target() == (self.bucket, self.key):
            raise RequestError(f"target_key is the source itself, oss://{self.bucket}/{self.key}: give another one")
        request = self._request()
        check_bucket(settings, request.bucket)
        check_imm(settings, request.bucket)
        try:
            head = settings.bucket(request.bucket).head_object(self.key)
        except oss2.exceptions.NotFound:
            raise RequestError(f"there is no such object: oss://{self.bucket}/{self.key}") from None
        source = ListedObject(
            bucket=request.bucket,
            key=str(self.key),
            etag=head.etag.strip('"'),
            size=head.content_length,
            last_modified=datetime.fromtimestamp(head.last_modified, UTC),
        )
        name = f"{run_name(context)}/{self.task_id}/{context['ti'].map_index}"
        batch_id = plan_single(catalogue, settings, request, name, source)
        with catalogue.read() as connection:
            return ShardHandle(batch=batch_id, uid=batches.get_batch(connection, batch_id).uid, shard=0)

    def _request(self) -> BatchRequest:
        bucket, key = self._target()
        return BatchRequest(
            bucket=str(self.bucket),
            prefixes=(str(self.key),),
            staging=self.staging_prefix,
            catalogue=as_text(CATALOGUE_PREFIX),
            include=(escape(str(self.key)),),
            single={"convert": self._parameters().render(), "bucket": bucket, "key": key},
            force=as_flag("force", self.force),
        )

    def _parameters(self) -> AudioConvert:
        if isinstance(self.convert, Mapping):
            try:
                return AudioConvert(**self.convert)
            except TypeError:
                allowed = ", ".join(one.name for one in fields(AudioConvert))
                raise RequestError(f"convert is {dict(self.convert)!r}: f is required, allowed are {allowed}") from None
        if self.convert:
            return AudioConvert.parse(self.convert)
        known = load_profiles()
        if self.profile not in known:
            raise RequestError(f"unknown profile {self.profile!r}: choose from {', '.join(sorted(known))}")
        return known[self.profile].convert

    def _target(self) -> tuple[str, str]:
        if not self.bucket or not self.key:
            raise AirflowFailException("give either shard, or bucket and key of one source")
        if bool(self.convert) == bool(self.profile):
            raise AirflowFailException("give either profile or convert: what to make of the source")
        if self.target_key:
            return as_text(self.target_bucket) or self.bucket, self.target_key
        if not self.profile:
            raise AirflowFailException("give target_key: where the rendition goes")
        self._parameters()
        bucket, key = load_profiles()[self.profile].target_for(self.bucket, self.key)
        return as_text(self.target_bucket) or bucket, key
