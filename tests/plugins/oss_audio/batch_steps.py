"""Steps of a batch as tests call them: each operator as a worker would execute it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG

from oss_audio.batch_pipeline import batch_pipeline
from oss_audio.notes import TASK_NOTE
from oss_audio.operators.list_sources import OSSAudioListOperator
from oss_audio.operators.plan import OSSAudioPlanOperator
from oss_audio.operators.report import OSSAudioReportOperator

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment


def listing(deployment: Deployment, **changes: Any) -> OSSAudioListOperator:
    arguments = {
        "bucket": deployment.cloud.bucket,
        "prefix": deployment.prefix,
        "profiles": "mobile-mp3",
        "empty_listing": "warn",  # many tests are about batches without a source
    }
    return OSSAudioListOperator(task_id="list", **(arguments | changes))


def plan(batch: Any) -> list[Any]:
    return OSSAudioPlanOperator(task_id="plan", batch=batch).execute({})


def reporting(
    states: dict[str, str], *, notes: dict[str, list[str]] | None = None, **arguments: Any
) -> tuple[OSSAudioReportOperator, Any]:
    """The last task of a batch's DAG, and its context in a run whose tasks have these states and left these notes."""
    with DAG("a_dag", schedule=None) as dag:
        batch_pipeline(selection={"bucket": "audio", "profiles": "mobile-mp3"})
    report = dag.get_task("report")
    assert isinstance(report, OSSAudioReportOperator)
    for name, value in arguments.items():
        setattr(report, name, value)

    def get_task_states(*, dag_id: str, task_ids: list[str], run_ids: list[str]) -> dict[str, dict[str, str]]:
        assert (dag_id, run_ids) == ("a_dag", ["a_run"])
        shard = [f"shard.{task_id}" for task_id in ("await", "convert", "publish", "verify")]
        assert task_ids == ["export", "list", "plan", *shard]
        return {"a_run": states} if states else {}

    def xcom_pull(*, task_ids: list[str], key: str) -> list[str | None]:
        assert key == TASK_NOTE
        return [note for task_id in task_ids for note in (notes or {}).get(task_id) or [None]]

    run = SimpleNamespace(dag_id="a_dag", run_id="a_run")
    return report, {"dag_run": run, "ti": SimpleNamespace(get_task_states=get_task_states, xcom_pull=xcom_pull)}
