"""list → plan → convert → await → verify → publish → export → report, each executed as a worker would execute it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskDeferred
from airflow.triggers.base import TaskSuccessEvent

from oss_audio.assets import RENDITIONS
from oss_audio.operators.convert import OSSAudioConvertOperator
from oss_audio.operators.export import OSSAudioExportOperator
from oss_audio.operators.plan import OSSAudioPlanOperator
from oss_audio.operators.publish import OSSAudioPublishOperator
from oss_audio.operators.report import OSSAudioReportOperator
from oss_audio.operators.verify import OSSAudioVerifyOperator
from oss_audio.sensors.convert import GRACE, OSSAudioConvertSensor
from oss_audio.triggers.shard import OSSAudioShardTrigger
from tests.plugins.oss_audio.batch_steps import listing, plan, reporting

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment


def ended_by(trigger: Any) -> Any:
    """What a triggerer would get: the trigger goes through its serialized form, as through the database."""
    path, arguments = trigger.serialize()
    assert path == "oss_audio.triggers.shard.OSSAudioShardTrigger"
    restored = OSSAudioShardTrigger(**json.loads(json.dumps(arguments)))
    assert restored.serialize() == trigger.serialize()

    async def first() -> Any:
        return await anext(restored.run())

    return asyncio.run(first())


def test_a_batch_from_listing_to_report(
    deployment: Deployment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.wav", "曲 b.wav"):
        deployment.put(name)
    deployment.put("bad.wav", b"no audio at all")
    deployment.put("notes.txt", b"no audio by its name")
    context = deployment.context()

    listed = listing(deployment, profiles=["mobile-mp3", "voice-amr-nb"]).execute(context)
    uid = listed["uid"]
    assert listed == {"batch": 1, "uid": uid, "listed": 3, "passed_over": {"not audio by its name": 1}}
    shards = plan(listed)
    assert shards == [{"batch": 1, "uid": uid, "shard": 0}]
    shard = OSSAudioConvertOperator(task_id="convert", shard=shards[0]).execute(context)
    assert shard == shards[0]

    sensor = OSSAudioConvertSensor(task_id="await", shard=shard, fail_on_error=False, timeout=60)
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context)
    assert deferred.value.method_name == "execute_complete"
    assert deferred.value.timeout is not None
    assert deferred.value.timeout.total_seconds() == 60 + GRACE.total_seconds()
    arguments = deferred.value.trigger.serialize()[1]
    assert not any(secret in json.dumps(arguments) for secret in deployment.oss.secrets)
    event = ended_by(deferred.value.trigger)
    assert isinstance(event, TaskSuccessEvent)
    assert event.xcoms == {"return_value": shard | {"converted": 4, "failed": 2}}
    # A resume reads the catalogue, whatever the event says; and a sensor that runs again has nothing to wait for.
    assert sensor.execute_complete(context, {"done": False}) == event.xcoms["return_value"]
    assert sensor.execute(context) == event.xcoms["return_value"]

    assert OSSAudioVerifyOperator(task_id="verify", shard=shard).execute(context) == {"verified": 4}
    assert OSSAudioPublishOperator(task_id="publish", shard=shard).execute(context) == {"published": 4}
    assert deployment.exists(f"renditions/mobile-mp3/{deployment.prefix}曲 b.mp3")
    export = OSSAudioExportOperator(task_id="export", batch=listed, manifests="True")
    told = export.execute(context)
    assert context["outlet_events"][RENDITIONS].extra == told
    assert {name: told[name] for name in ("run", "published", "failed", "rows", "manifests")} == {
        "run": "a_dag/manual-0",
        "published": 4,
        "failed": 2,
        "rows": 4,
        "manifests": 2,
    }
    bucket, _, exported = told["export"].removeprefix("oss://").partition("/")
    assert bucket == deployment.cloud.bucket
    assert exported.startswith("catalogue/dt=")
    assert deployment.exists(exported)
    assert deployment.exists(f"catalogue/_manifests/{bucket}/{deployment.prefix}曲 b.wav.json")
    report = OSSAudioReportOperator(
        task_id="report", batch=listed, reports=str(tmp_path / "reports"), failure_threshold=50
    )
    summary = report.execute(context)
    assert summary == {"listed": 3, "wanted": 6, "published": 4, "failed": 2, "skipped": 0, "known_failures": 0}
    (written,) = (path.read_text(encoding="utf-8") for path in (tmp_path / "reports").glob("a_dag_manual-0-*.md"))
    log = capsys.readouterr().out
    assert written in log
    assert told["export"] in written
    assert f"{deployment.prefix}bad.wav" in written

    # A cleared run finds its batch again and does nothing; another run has nothing to do.
    assert listing(deployment, profiles=["mobile-mp3", "voice-amr-nb"]).execute(context) == listed
    assert plan(listed) == shards
    assert OSSAudioConvertOperator(task_id="convert", shard=shards[0]).execute(context) == shards[0]
    assert [one.attempt for one in deployment.rows(1)] == [1] * 6
    tonight = listing(deployment, profiles=["mobile-mp3", "voice-amr-nb"]).execute(deployment.context())
    assert plan(tonight) == []
    log += capsys.readouterr().out
    assert not any(secret in log for secret in deployment.oss.secrets)


def test_the_same_wait_by_poking(deployment: Deployment) -> None:
    deployment.put("a.wav")
    context = deployment.context()
    listed = listing(deployment).execute(context)
    (shard,) = plan(listed)
    OSSAudioConvertOperator(task_id="convert", shard=shard).execute(context)
    sensor = OSSAudioConvertSensor(task_id="await", shard=shard, deferrable=False, poke_interval=0.1, timeout=60)
    assert sensor.execute(context) == shard | {"converted": 1, "failed": 0}


def test_a_wait_without_smq(deployment: Deployment) -> None:
    deployment.put("a.wav")
    context = deployment.context()
    (shard,) = plan(listing(deployment).execute(context))
    OSSAudioConvertOperator(task_id="convert", shard=shard, smq_conn_id=None).execute(context)
    sensor = OSSAudioConvertSensor(
        task_id="await", shard=shard, deferrable=False, poke_interval=0.1, timeout=60, smq_conn_id=None
    )
    assert sensor.execute(context)["converted"] == 1


def test_a_wait_that_is_over_resumes_the_task_which_fails_with_the_reason(deployment: Deployment) -> None:
    deployment.put("a.wav")
    context = deployment.context()
    (shard,) = plan(listing(deployment).execute(context))
    OSSAudioConvertOperator(task_id="convert", shard=shard).execute(context)
    opened = deployment.catalogue()
    with opened.write() as connection:
        connection.exec_driver_sql("UPDATE conversion SET task_id = 'MediaConvert-endless', output_key = 'nowhere/x'")
    opened.close()
    sensor = OSSAudioConvertSensor(task_id="await", shard=shard, timeout=0, ask_after=600)
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context)
    event = ended_by(deferred.value.trigger)
    assert not isinstance(event, TaskSuccessEvent)
    assert event.payload == {"done": False, "converted": 0, "failed": 0}
    with pytest.raises(Exception, match="1 conversions of shard 0 of batch 1 are still in flight") as caught:
        sensor.execute_complete(context, event.payload)
    assert type(caught.value).__name__ == "AirflowSensorTimeout"


def test_a_batch_without_a_shard_ends_well(deployment: Deployment) -> None:
    listed = listing(deployment).execute(deployment.context())
    assert plan(listed) == []
    report, context = reporting({"list": "success", "shard.convert": "skipped", "shard.await": "skipped"}, batch=listed)
    assert report.execute(context)["wanted"] == 0


def test_a_batch_that_was_not_listed_skips_the_steps_and_fails_the_report(deployment: Deployment) -> None:
    for operator in (OSSAudioVerifyOperator, OSSAudioPublishOperator):
        with pytest.raises(AirflowSkipException, match="the task that lists the sources failed"):
            operator(task_id="t", batch=None).execute(deployment.context())
    report, context = reporting({"list": "failed"}, notes={"list": ["no such bucket"]}, batch=None)
    with pytest.raises(AirflowFailException, match=r"report: the first task failed\. `list`: no such bucket$"):
        report.execute(context)


def test_a_batch_that_was_not_planned_fails_the_report(deployment: Deployment) -> None:
    deployment.put("a.wav")
    listed = listing(deployment).execute(deployment.context())
    for operator in (OSSAudioVerifyOperator, OSSAudioPublishOperator):
        assert operator(task_id="t", batch=listed).execute(deployment.context()) == {}
    report, context = reporting({"list": "success", "plan": "failed"}, batch=listed)
    with pytest.raises(AirflowFailException, match="the batch was never planned; clear the task"):
        report.execute(context)


def test_a_shard_that_was_not_submitted_holds_up_no_other_and_fails_the_report(
    deployment: Deployment, tmp_path: Path
) -> None:
    for name in ("a.wav", "b.wav"):
        deployment.put(name)
    context = deployment.context()
    listed = listing(deployment).execute(context)
    shards = OSSAudioPlanOperator(task_id="plan", batch=listed, shard_size=1).execute(context)
    assert len(shards) == 2
    OSSAudioConvertOperator(task_id="convert", shard=shards[0]).execute(context)
    # What was planned and never submitted is not waited for.
    for shard, converted in zip(shards, (1, 0), strict=True):
        sensor = OSSAudioConvertSensor(
            task_id="await", shard=shard, deferrable=False, poke_interval=0.1, timeout=60, fail_on_error=False
        )
        assert sensor.execute(context)["converted"] == converted
    for shard, counted in zip(shards, (1, 0), strict=True):
        verified = OSSAudioVerifyOperator(task_id="verify", shard=shard).execute(context)
        published = OSSAudioPublishOperator(task_id="publish", shard=shard).execute(context)
        assert (verified.get("verified", 0), published.get("published", 0)) == (counted, counted)
    report, context = reporting({"shard.convert_1": "failed"}, batch=listed, reports=str(tmp_path))
    with pytest.raises(
        AirflowFailException, match="1 of 2 conversions are not finished; clear the tasks that failed, with"
    ):
        report.execute(context)
    (written,) = tmp_path.glob("*.md")
    assert "**1 published, 0 failed**" in written.read_text(encoding="utf-8")


def replace_catalogue(deployment: Deployment) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{deployment.database}{suffix}").unlink(missing_ok=True)


@pytest.mark.parametrize("begun_anew", [True, False])
@pytest.mark.parametrize("deferrable", [True, False])
def test_a_wait_in_a_catalogue_that_was_replaced_says_so(
    deployment: Deployment, deferrable: bool, begun_anew: bool
) -> None:
    deployment.put("a.wav")
    context = deployment.context()
    (shard,) = plan(listing(deployment).execute(context))
    OSSAudioConvertOperator(task_id="convert", shard=shard).execute(context)
    sensor = OSSAudioConvertSensor(task_id="await", shard=shard, deferrable=deferrable, fail_on_error=False)
    replace_catalogue(deployment)
    if begun_anew:
        # Ids begin anew: this batch has the number of the one that is waited for.
        (another,) = plan(listing(deployment).execute(deployment.context()))
        assert another["batch"] == shard["batch"]
    for step in (sensor.execute, sensor.execute_complete, OSSAudioConvertOperator(task_id="c", shard=shard).execute):
        with pytest.raises(AirflowFailException, match="no such batch; was it replaced since the run began"):
            step(context)


@pytest.mark.parametrize("begun_anew", [True, False])
def test_a_trigger_in_a_catalogue_that_was_replaced_resumes_its_task(deployment: Deployment, begun_anew: bool) -> None:
    deployment.put("a.wav")
    context = deployment.context()
    (shard,) = plan(listing(deployment).execute(context))
    OSSAudioConvertOperator(task_id="convert", shard=shard).execute(context)
    sensor = OSSAudioConvertSensor(task_id="await", shard=shard, fail_on_error=False, timeout=60)
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context)
    replace_catalogue(deployment)
    if begun_anew:
        (another,) = plan(listing(deployment).execute(deployment.context()))
        assert another["batch"] == shard["batch"]
    event = ended_by(deferred.value.trigger)
    assert not isinstance(event, TaskSuccessEvent)
    assert event.payload == {"done": False}
