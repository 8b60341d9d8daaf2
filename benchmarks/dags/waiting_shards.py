"""The product's sensor over shards that the benchmark has submitted, and the probe of the triggerer's event loop."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, BaseOperator, Context, Param, task

from benchmarks.loop_lag import LagProbe
from oss_audio.sensors.convert import OSSAudioConvertSensor


class MeasureLag(BaseOperator):
    """Defers to the probe, for as long as the stack runs."""

    def execute(self, context: Context) -> None:
        """Defer to the probe."""
        self.defer(trigger=LagProbe(file=context["params"]["file"]), method_name="execute")


@task
def shards(**context: Any) -> list[dict[str, Any]]:
    """Return the shard handles of the run's parameters."""
    return list(context["params"]["shards"])


with DAG(dag_id="loop_lag", schedule=None, params={"file": Param("", type="string")}):
    MeasureLag(task_id="measure")

with DAG(dag_id="waiting_shards", schedule=None, max_active_tasks=128, params={"shards": Param([], type="array")}):
    OSSAudioConvertSensor.partial(
        task_id="await", ask_after=30.0, timeout=timedelta(hours=2), fail_on_error=False
    ).expand(shard=shards())
