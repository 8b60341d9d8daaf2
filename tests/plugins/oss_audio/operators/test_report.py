"""The report: where it is written, and what fails the run after it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from airflow.sdk.exceptions import AirflowFailException

from oss_audio.operators.convert import OSSAudioConvertOperator
from oss_audio.operators.publish import OSSAudioPublishOperator
from oss_audio.operators.report import OSSAudioReportOperator
from oss_audio.operators.verify import OSSAudioVerifyOperator
from oss_audio.sensors.convert import OSSAudioConvertSensor
from tests.plugins.oss_audio.batch_steps import listing, plan, reporting

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment


def test_a_report_that_has_no_folder_is_in_the_log(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "no folder").write_text("")
    listed = listing(deployment).execute(deployment.context())
    plan(listed)
    report, context = reporting({"list": "success"}, batch=listed, reports=str(tmp_path / "no folder"))
    assert report.execute(context)["wanted"] == 0
    assert "The report can't be written to" in capsys.readouterr().out


@pytest.mark.parametrize("failed", ["shard.convert_1", "shard.await_0", "shard.verify_0", "shard.publish_0"])
def test_a_task_that_failed_fails_the_report_though_every_conversion_is_done(
    deployment: Deployment, failed: str
) -> None:
    listed = listing(deployment).execute(deployment.context())
    plan(listed)
    report, context = reporting({"list": "success", "shard.convert_0": "success", failed: "failed"}, batch=listed)
    with pytest.raises(AirflowFailException, match=f"the batch is reported, but these tasks failed: {failed}\\.$"):
        report.execute(context)


def test_the_report_repeats_what_the_failed_tasks_said(deployment: Deployment) -> None:
    listed = listing(deployment).execute(deployment.context())
    said = {"plan": ["profile x.yaml: unknown key 'f0'"], "shard.convert": ["no topic 'done'", None, "no topic 'done'"]}
    states = {"list": "success", "plan": "failed", "shard.convert_0": "failed", "shard.convert_2": "failed"}
    report, context = reporting(states, notes=said, batch=listed)
    with pytest.raises(AirflowFailException) as failed:
        report.execute(context)
    assert str(failed.value) == (
        "the batch was never planned; clear the task that was to plan it. `plan`: profile x.yaml: unknown key 'f0' "
        "`shard.convert`: no topic 'done'"
    )


def test_the_run_fails_past_the_threshold_only(deployment: Deployment) -> None:
    deployment.put("a.wav")
    deployment.put("bad.wav", b"no audio at all")
    context = deployment.context()
    listed = listing(deployment).execute(context)
    (shard,) = plan(listed)
    OSSAudioConvertOperator(task_id="convert", shard=shard).execute(context)
    OSSAudioConvertSensor(
        task_id="await", shard=shard, deferrable=False, poke_interval=0.1, timeout=60, fail_on_error=False
    ).execute(context)
    OSSAudioVerifyOperator(task_id="verify", batch=listed).execute(context)
    OSSAudioPublishOperator(task_id="publish", batch=listed).execute(context)
    assert (
        OSSAudioReportOperator(task_id="report", batch=listed, failure_threshold="50").execute(context)["failed"] == 1
    )
    with pytest.raises(AirflowFailException, match=r"\(50 %, more than the threshold of 5 %\)"):
        OSSAudioReportOperator(task_id="report", batch=listed).execute(context)
    with pytest.raises(
        AirflowFailException, match=r"1 of 2 conversions failed \(50 %, more than the threshold of 49 %"
    ):
        OSSAudioReportOperator(task_id="report", batch=listed, failure_threshold=49).execute(context)
    with pytest.raises(AirflowFailException, match=r"\(50 %, more than the threshold of 49\.9999 %"):
        OSSAudioReportOperator(task_id="report", batch=listed, failure_threshold=49.9999).execute(context)
    for most in ("1", "None", None):
        OSSAudioReportOperator(task_id="report", batch=listed, failure_threshold=50, max_failures=most).execute(context)
    with pytest.raises(AirflowFailException, match=r"1 of 2 conversions failed \(more than the limit of 0\)"):
        OSSAudioReportOperator(task_id="report", batch=listed, failure_threshold=50, max_failures="0").execute(context)
    with pytest.raises(AirflowFailException, match="max_failures is -1: give 0 or more"):
        OSSAudioReportOperator(task_id="report", batch=listed, failure_threshold=50, max_failures=-1).execute(context)
