"""The tasks of a batch, for any DAG: list or requeue, plan, then each shard by itself, then export and report.

A shard is a mapped task group: convert, await, verify, publish. A shard that has come home is verified and published
while others are still submitted or awaited.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, TaskGroup, TriggerRule, WeightRule, chain, task_group
from airflow.sdk.exceptions import DuplicateTaskIdFound

from oss_audio.batch_name import LIST, REQUEUE
from oss_audio.defaults import (
    CATALOGUE_PREFIX,
    FAILURE_THRESHOLD,
    MANIFESTS,
    MAX_IN_FLIGHT,
    MAX_PER_SECOND,
    PRICES,
    REPORTS,
    SHARD_MINUTES,
    SHARD_SIZE,
    SMQ_CONNECTION,
    STAGING_PREFIX,
    queue_of,
    topic_of,
)
from oss_audio.operators.convert import OSSAudioConvertOperator
from oss_audio.operators.export import OSSAudioExportOperator
from oss_audio.operators.list_sources import OSSAudioListOperator
from oss_audio.operators.plan import OSSAudioPlanOperator
from oss_audio.operators.publish import OSSAudioPublishOperator
from oss_audio.operators.report import OSSAudioReportOperator
from oss_audio.operators.requeue import OSSAudioRequeueOperator
from oss_audio.operators.verify import OSSAudioVerifyOperator
from oss_audio.sensors.convert import OSSAudioConvertSensor

RETRY_DEFAULTS: dict[str, Any] = {
    "retries": 6,
    "retry_delay": timedelta(minutes=1),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
}
"""For `default_args`. Retries that outlast half an hour without OSS, IMM, SMQ or the catalogue's database: at the least
1 + 2 + 4 + 8 + 10 + 10 minutes. What only a person can mend fails at once, whatever the retries."""


SHARD = "shard"
"""Id of the mapped task group that sees one shard of a batch through."""


def batch_pipeline(
    *,
    selection: dict[str, Any] | None = None,
    failures: dict[str, Any] | None = None,
    group_id: str | None = None,
    smq_topic: str | None = None,
    smq_queue: str | None = None,
    staging_prefix: str = STAGING_PREFIX,
    catalogue_prefix: str | None = CATALOGUE_PREFIX,
    manifests: bool = MANIFESTS,
    reports: str | None = REPORTS,
    failure_threshold: Any = FAILURE_THRESHOLD,
    max_failures: Any = None,
    prices: str | None = PRICES,
    max_in_flight: int | None = MAX_IN_FLIGHT,
    max_per_second: float | None = MAX_PER_SECOND,
    shard_size: int = SHARD_SIZE,
    shard_minutes: float = SHARD_MINUTES,
    deadline: timedelta = timedelta(hours=6),
    ask_after: float = 60.0,
    oss_conn_id: str = "oss_default",
    smq_conn_id: str | None = SMQ_CONNECTION,
    catalogue_conn_id: str = "audio_catalogue",
) -> None:
    """Lay the tasks of one batch into the DAG or task group that is open.

    What is not given is as this deployment has set it. Several pipelines of a DAG are as many batches, each in a task
    group of its own.

    Args:
        selection: arguments of `OSSAudioListOperator`: what to make of which sources.
        failures: instead of a selection, arguments of `OSSAudioRequeueOperator`: which failures to try again.
        group_id: of a task group that is made for the tasks; None: they stand where the DAG or group is open.
        smq_topic: SMQ topic for notifications; None: as this deployment has set it for its own connection, or
            the connection's; empty: the connection's.
        smq_queue: SMQ queue subscribed to that topic; None or empty: as for the topic.
        staging_prefix: where conversions in progress write.
        catalogue_prefix: where runs export; empty: no exports.
        manifests: also write a JSON manifest of every source that got a rendition.
        reports: folder for the Markdown reports.
        failure_threshold: percent of conversions that may fail before the run does.
        max_failures: how many of them may; None: only the percentage counts.
        prices: YAML price table for the plan's estimate; without one the cost is unknown.
        max_in_flight: conversions that the endpoint may have at once, over all runs; None: no limit.
        max_per_second: submits a second of each shard; None: as fast as OSS takes them.
        shard_size: most conversions of a shard, as far as 64 shards suffice.
        shard_minutes: about so many minutes of output in a shard, likewise.
        deadline: of each conversion, from its submit.
        ask_after: seconds without news of a shard after which OSS and IMM are asked.
        oss_conn_id: connection of the Alibaba provider's type `oss`.
        smq_conn_id: connection of type `smq`; None: no messages, OSS and IMM are asked.
        catalogue_conn_id: connection of the catalogue's database.

    Raises:
        ValueError: neither or both of selection and failures, or a key of them that is no argument.
        DuplicateTaskIdFound: the DAG or group that is open has a pipeline already.
        NotImplementedError: the task group that is open is expanded.
    """
    if (selection is None) is (failures is None):
        raise ValueError("give either selection or failures: what the batch is about")
    stores: dict[str, Any] = {"oss_conn_id": oss_conn_id, "catalogue_conn_id": catalogue_conn_id}
    # What was submitted is paid for: it is awaited, published and reported whatever became of the other shards, and
    # also when there was no shard, whose mapped tasks are skipped. The report, the only leaf, fails if any task did.
    whatever_became: dict[str, Any] = {**stores, "trigger_rule": TriggerRule.ALL_DONE}
    shard_limits: dict[str, Any] = {"shard_size": shard_size, "shard_minutes": shard_minutes}
    # Where workers are few, what is nearest to its end goes first.
    depth_first: dict[str, Any] = {**whatever_became, "weight_rule": WeightRule.UPSTREAM}

    with _name_a_second_pipeline(), TaskGroup(group_id) if group_id else nullcontext():
        first: BaseOperator
        if selection is not None:
            excluded: dict[str, Any] = {"staging_prefix": staging_prefix, "catalogue_prefix": catalogue_prefix}
            _refuse_unknown("selection", selection, OSSAudioListOperator, given=excluded)
            first = OSSAudioListOperator(task_id=LIST, **excluded, **selection, **stores)
        else:
            _refuse_unknown("failures", failures or {}, OSSAudioRequeueOperator, given=shard_limits)
            first = OSSAudioRequeueOperator(task_id=REQUEUE, **(failures or {}), **shard_limits, **stores)
        if first.get_closest_mapped_task_group() is not None:
            raise NotImplementedError(
                "batch_pipeline can't stand in a task group that is expanded: Airflow doesn't map tasks, as the shards "
                "are, inside a mapped group. Call it once for each element, in a loop with group_id=, or expand "
                "TriggerDagRunOperator over the elements"
            )
        plan = OSSAudioPlanOperator(task_id="plan", batch=first.output, prices=prices, **shard_limits, **stores)

        @task_group(group_id=SHARD)
        def of_shard(shard: Any) -> None:
            """Submit the shard's conversions, wait for them, verify the outputs, publish them."""
            convert = OSSAudioConvertOperator(
                task_id="convert",
                shard=shard,
                smq_topic=topic_of(smq_topic, smq_conn_id),
                smq_queue=queue_of(smq_queue, smq_conn_id),
                staging_prefix=staging_prefix,
                max_in_flight=max_in_flight,
                max_per_second=max_per_second,
                deadline=deadline,
                smq_conn_id=smq_conn_id,
                weight_rule=WeightRule.UPSTREAM,
                **stores,
            )
            wait = OSSAudioConvertSensor(
                task_id="await",
                shard=shard,
                smq_queue=queue_of(smq_queue, smq_conn_id),
                timeout=deadline * 2,
                ask_after=ask_after,
                fail_on_error=False,
                smq_conn_id=smq_conn_id,
                **depth_first,
            )
            verify = OSSAudioVerifyOperator(task_id="verify", shard=shard, **depth_first)
            publish = OSSAudioPublishOperator(task_id="publish", shard=shard, **depth_first)
            chain(convert, wait, verify, publish)

        shards = of_shard.expand(shard=plan.output)
        export = OSSAudioExportOperator(
            task_id="export",
            batch=first.output,
            catalogue_prefix=catalogue_prefix,
            manifests=manifests,
            **whatever_became,
        )
        report = OSSAudioReportOperator(
            task_id="report",
            batch=first.output,
            reports=reports,
            failure_threshold=failure_threshold,
            max_failures=max_failures,
            **whatever_became,
        )
        chain(shards, export, report)


def _refuse_unknown(
    name: str, arguments: Mapping[str, Any], operator: type[BaseOperator], *, given: Mapping[str, Any]
) -> None:
    """Refuse a key that is neither an argument of the operator, nor one of every operator in Airflow.

    Args:
        name: of the arguments, for the message.
        arguments: what the DAG file gives.
        operator: takes them.
        given: arguments that the pipeline gives by itself.
    """
    own = [key for key in operator.template_fields if key not in given]
    unknown = arguments.keys() - own - inspect.signature(BaseOperator.__init__).parameters.keys()
    if unknown:
        odd = ", ".join(map(repr, sorted(unknown)))
        elsewhere = "; give it to batch_pipeline itself" if unknown <= given.keys() else ""
        raise ValueError(f"{name} has no key {odd}{elsewhere or ': choose from ' + ', '.join(own)}")


@contextmanager
def _name_a_second_pipeline() -> Iterator[None]:
    try:
        yield
    except DuplicateTaskIdFound as error:
        raise DuplicateTaskIdFound(
            f"{error}. A DAG or task group holds one batch_pipeline of its own; "
            'give every further one another group_id=, such as group_id="music"'
        ) from None
