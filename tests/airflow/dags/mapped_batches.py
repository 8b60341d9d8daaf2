"""The steps of a batch mapped by hand: each map index of the first one is a batch."""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, TriggerRule, task

from oss_audio.operators.convert import OSSAudioConvertOperator
from oss_audio.operators.list_sources import OSSAudioListOperator
from oss_audio.operators.plan import OSSAudioPlanOperator
from oss_audio.operators.publish import OSSAudioPublishOperator
from oss_audio.operators.report import OSSAudioReportOperator
from oss_audio.operators.verify import OSSAudioVerifyOperator
from oss_audio.sensors.convert import OSSAudioConvertSensor

with DAG(dag_id="mapped_batches", schedule=None):
    listed = OSSAudioListOperator.partial(task_id="list", bucket="media", profiles="streaming-opus-64k").expand(
        prefix=["incoming/music/", "incoming/voice/"]
    )
    planned = OSSAudioPlanOperator.partial(task_id="plan").expand(batch=listed.output)

    @task
    def shards(plans: Any) -> list[Any]:
        """The shards of all batches: a mapped task's shards can't be mapped over in place."""
        return [shard for plan in plans for shard in plan]

    converted = OSSAudioConvertOperator.partial(task_id="convert").expand(shard=shards(planned.output))
    after: dict[str, Any] = {"trigger_rule": TriggerRule.ALL_DONE}
    wait = OSSAudioConvertSensor.partial(task_id="await", **after).expand(shard=converted.output)
    verify = OSSAudioVerifyOperator.partial(task_id="verify", **after).expand(batch=listed.output)
    publish = OSSAudioPublishOperator.partial(task_id="publish", **after).expand(batch=listed.output)
    report = OSSAudioReportOperator.partial(task_id="report", **after).expand(batch=listed.output)
    wait >> verify >> publish >> report
