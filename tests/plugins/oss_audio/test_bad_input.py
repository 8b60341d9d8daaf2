"""Every line of "Bad input": refused at once, naming the setting and the remedy, and never a credential.

Only an endpoint that doesn't answer leaves the task its retries, for an outage looks the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from airflow.sdk import DAG
from airflow.sdk.definitions.param import process_params
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from oss_audio.batch_params import SELECTION, batch_params
from oss_audio.operators.convert import OSSAudioConvertOperator
from oss_audio.operators.list_sources import OSSAudioListOperator
from oss_audio.operators.plan import OSSAudioPlanOperator
from oss_audio.operators.publish import OSSAudioPublishOperator
from oss_audio.operators.report import OSSAudioReportOperator
from oss_audio.operators.verify import OSSAudioVerifyOperator
from oss_audio.sensors.convert import OSSAudioConvertSensor
from oss_audio_core.catalogue.schema import batch
from tests.plugins.oss_audio.batch_steps import listing

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment

SECRET = "a-secret-that-must-not-show"
NIGHT = "2026-11-22T18:00:00+00:00"
KEY_ID = "an-access-key-id-that-must-not-show"

pytestmark = pytest.mark.usefixtures("impatient")


def refused(
    call: Callable[..., Any],
    context: Any,
    capsys: pytest.CaptureFixture[str],
    kind: type[AirflowException] = AirflowFailException,
) -> str:
    """What the task's failure says, after making sure that no credential shows, there or in the log."""
    with pytest.raises(kind) as caught:
        call(context)
    assert caught.type is kind
    told = str(caught.value)
    chain = [repr(caught.value.__cause__), repr(caught.value.__context__) * (not caught.value.__suppress_context__)]
    output = capsys.readouterr()
    for text in (told, *chain, output.out, output.err):
        assert SECRET not in text
        assert KEY_ID not in text
    return told


def submitted(deployment: Deployment) -> tuple[Any, Any]:
    """A shard that was submitted, and its run's context."""
    deployment.put("a.wav")
    context = deployment.context()
    listed = listing(deployment).execute(context)
    (shard,) = OSSAudioPlanOperator(task_id="plan", batch=listed).execute(context)
    OSSAudioConvertOperator(task_id="convert", shard=shard).execute(context)
    return shard, context


def planned(deployment: Deployment) -> tuple[Any, Any]:
    deployment.put("a.wav")
    context = deployment.context()
    listed = listing(deployment).execute(context)
    (shard,) = OSSAudioPlanOperator(task_id="plan", batch=listed).execute(context)
    return shard, context


@pytest.mark.parametrize(
    "operator",
    [
        lambda: OSSAudioListOperator(task_id="t", bucket="audio", profiles="mobile-mp3", oss_conn_id="no_such"),
        lambda: OSSAudioConvertOperator(task_id="t", shard={"batch": 1, "uid": "u", "shard": 0}, oss_conn_id="no_such"),
        lambda: OSSAudioConvertSensor(task_id="t", shard={"batch": 1, "uid": "u", "shard": 0}, oss_conn_id="no_such"),
        lambda: OSSAudioConvertSensor(
            task_id="t", shard={"batch": 1, "uid": "u", "shard": 0}, oss_conn_id="no_such", deferrable=False
        ),
        lambda: OSSAudioVerifyOperator(task_id="t", batch=1, oss_conn_id="no_such"),
        lambda: OSSAudioPublishOperator(task_id="t", batch=1, oss_conn_id="no_such"),
    ],
    ids=["list", "convert", "sensor", "poking sensor", "verify", "publish"],
)
def test_a_missing_oss_connection(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], operator: Callable[[], Any]
) -> None:
    told = refused(operator().execute, deployment.context(), capsys)
    assert "Connection 'no_such' isn't defined" in told
    assert "airflow connections add no_such --conn-type oss" in told


def test_a_missing_smq_connection(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    shard, context = planned(deployment)
    for operator in (
        OSSAudioConvertOperator(task_id="t", shard=shard, smq_conn_id="no_such"),
        OSSAudioConvertSensor(task_id="t", shard=shard, smq_conn_id="no_such"),
    ):
        assert "Connection 'no_such' isn't defined" in refused(operator.execute, context, capsys)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"access_key_secret": SECRET}, "check 'access_key_secret' of connection 'oss_default'"),
        (
            {"access_key_id": KEY_ID, "access_key_secret": SECRET},
            "the access key id is unknown: check 'access_key_id' of connection 'oss_default'",
        ),
        ({"security_token": SECRET}, "'security_token' of connection 'oss_default'"),
        ({"region": "cn-nowhere"}, "check 'region' of connection 'oss_default'"),
        ({"access_key_secret": None}, "extra field 'access_key_secret' is missing"),
        ({"endpoint": "ftp://nonsense"}, "'endpoint' isn't an address"),
    ],
    ids=["secret", "key id", "token", "region", "no secret", "endpoint"],
)
def test_a_wrong_oss_connection(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], fields: dict[str, Any], reason: str
) -> None:
    deployment.connect(oss=fields)
    assert reason in refused(listing(deployment).execute, deployment.context(), capsys)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"password": SECRET}, "connection 'smq_default'"),
        ({"login": KEY_ID, "password": SECRET}, "connection 'smq_default'"),
        ({"host": ""}, "its host (the endpoint) is missing"),
    ],
    ids=["secret", "key id", "no endpoint"],
)
def test_a_wrong_smq_connection(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], fields: dict[str, Any], reason: str
) -> None:
    shard, context = planned(deployment)
    deployment.connect(smq=fields)
    assert reason in refused(OSSAudioConvertOperator(task_id="t", shard=shard).execute, context, capsys)


def test_a_wrong_smq_secret_stops_the_sensor_before_it_waits(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    shard, context = submitted(deployment)
    deployment.connect(smq={"password": SECRET})
    told = refused(OSSAudioConvertSensor(task_id="t", shard=shard).execute, context, capsys)
    assert "connection 'smq_default'" in told


def test_a_missing_bucket(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(listing(deployment, bucket="no-such-bucket").execute, deployment.context(), capsys)
    assert told.startswith("Opening bucket 'no-such-bucket' failed: there is no such bucket: check its name")


def test_a_missing_target_bucket(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(listing(deployment, target_bucket="no-such-target").execute, deployment.context(), capsys)
    assert told.startswith("Opening bucket 'no-such-target' failed: there is no such bucket")


def test_a_missing_topic(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    shard, context = planned(deployment)
    operator = OSSAudioConvertOperator(task_id="t", shard=shard, smq_topic="no-such-topic")
    told = refused(operator.execute, context, capsys)
    assert "no-such-topic" in told
    assert "create" in told
    assert deployment.rows(shard["batch"])[0].state.value == "planned"


def test_a_missing_queue_is_noticed_before_anything_is_submitted(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    shard, context = planned(deployment)
    operator = OSSAudioConvertOperator(task_id="t", shard=shard, smq_queue="no-such-queue")
    told = refused(operator.execute, context, capsys)
    assert "no-such-queue" in told
    assert deployment.rows(shard["batch"])[0].state.value == "planned"


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_missing_queue(deployment: Deployment, capsys: pytest.CaptureFixture[str], deferrable: bool) -> None:
    shard, context = submitted(deployment)
    sensor = OSSAudioConvertSensor(task_id="t", shard=shard, smq_queue="no-such-queue", deferrable=deferrable)
    told = refused(sensor.execute, context, capsys)
    assert "no-such-queue" in told
    assert "create" in told


def test_an_unreachable_oss(deployment: Deployment, capsys: pytest.CaptureFixture[str], closed_port: int) -> None:
    deployment.connect(oss={"endpoint": f"http://127.0.0.1:{closed_port}"})
    told = refused(listing(deployment).execute, deployment.context(), capsys, AirflowException)
    assert "an outage passes, and the next try goes on; if this never worked, check" in told
    assert f"the endpoint refuses connections (127.0.0.1:{closed_port})" in told
    assert "check 'endpoint'" in told
    assert "(3 tries)" in told


def test_an_unknown_param_is_refused_with_the_known_ones(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    context = deployment.context()
    # The last one: what `TriggerDagRunOperator` adds by itself where OpenLineage is on.
    lineage = {"openlineage": {"parentRunId": "00000000-0000-7000-8000-000000000000"}}
    context["dag_run"].conf = {"dryrun": True, "bucket": "audio", **lineage}
    with DAG("d", schedule=None, params={"bucket": "audio", "dry_run": False}) as dag:
        task = listing(deployment)
    # As a worker does it: what the conf has is among the Params then, whatever its name.
    context["params"] = process_params(dag, task, context["dag_run"].conf, suppress_exception=False)
    told = refused(task.execute, context, capsys)
    assert "unknown Param 'dryrun': choose from bucket, dry_run" in told
    del context["dag_run"].conf["dryrun"]
    assert task.execute(context)["listed"] == 0


def test_an_interval_of_a_run_that_has_none(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    task = OSSAudioListOperator(task_id="list", **SELECTION)
    params = {name: param.resolve() for name, param in batch_params().items()} | {"interval_only": True}
    task.render_template_fields({"params": params})
    told = refused(task.execute, deployment.context(), capsys)
    assert "interval only, of a run without a data interval" in told


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"min_age": 5, "max_age": 1}, "min_age 5 is not less than max_age 1"),
        ({"modified_from": NIGHT, "modified_before": NIGHT}, "is empty: a DAG without a schedule has none"),
    ],
)
def test_ages_that_nothing_can_have(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], limits: dict[str, Any], said: str
) -> None:
    assert said in refused(listing(deployment, **limits).execute, deployment.context(), capsys)


def test_an_unreachable_imm(deployment: Deployment, capsys: pytest.CaptureFixture[str], closed_port: int) -> None:
    deployment.connect(oss={"imm_endpoint": f"http://127.0.0.1:{closed_port}"})
    told = refused(listing(deployment).execute, deployment.context(), capsys, AirflowException)
    assert "an outage passes, and the next try goes on; if this never worked, check" in told
    assert f"the endpoint refuses connections (127.0.0.1:{closed_port})" in told
    assert "'imm_endpoint'" in told
    assert "(3 tries)" in told


def test_a_bucket_that_imm_does_not_serve(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    service = deployment.oss.bucket("not-bound-to-any-project")
    service.create_bucket()
    try:
        told = refused(listing(deployment, bucket="not-bound-to-any-project").execute, deployment.context(), capsys)
    finally:
        service.delete_bucket()
    assert "'not-bound-to-any-project' is bound to no IMM project" in told
    assert "AttachOSSBucket" in told


def test_an_oss_that_went_away_before_the_submit(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], closed_port: int
) -> None:
    shard, context = planned(deployment)
    deployment.connect(oss={"endpoint": f"http://127.0.0.1:{closed_port}"})
    told = refused(OSSAudioConvertOperator(task_id="t", shard=shard).execute, context, capsys, AirflowException)
    assert "refuses connections" in told
    assert deployment.rows(shard["batch"])[0].state.value == "planned"


def test_an_unreachable_smq(deployment: Deployment, capsys: pytest.CaptureFixture[str], closed_port: int) -> None:
    shard, context = planned(deployment)
    deployment.connect(smq={"host": f"http://127.0.0.1:{closed_port}"})
    told = refused(OSSAudioConvertOperator(task_id="t", shard=shard).execute, context, capsys, AirflowException)
    assert "if this never worked, check the endpoint of connection 'smq_default'" in told
    assert "(3 tries)" in told


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"bucket": ""}, "no bucket is named"),
        ({"bucket": "None"}, "no bucket is named"),
        ({"bucket": "Not_A_Bucket"}, "'Not_A_Bucket' is no valid bucket name"),
        ({"prefix": "/in/"}, "prefix '/in/' starts with '/'"),
        ({"prefix": ["in/", "in/deep/"]}, "prefix 'in/deep/' lies inside prefix 'in/'"),
        ({"prefix": 7}, "prefix is 7: give a text or a list of texts"),
        ({"include": [1]}, r"include is \[1\]: give a text or a list of texts"),
        ({"profiles": ""}, "no profile is named: choose from archive-flac"),
        ({"profiles": "mobile-mp3,nope"}, "unknown profile 'nope': choose from archive-flac"),
        ({"start": "soon"}, "start is 'soon': give a whole number"),
        ({"start": "-1"}, "start is -1: give milliseconds"),
        ({"start": 1.5}, "start is 1.5: give a whole number"),
        ({"duration": "-1"}, "duration is -1: give milliseconds"),
        ({"force": "maybe"}, "force is 'maybe': give true or false"),
        ({"dry_run": "maybe"}, "dry_run is 'maybe': give true or false"),
        ({"limit": "0"}, "limit is 0: give 1 or more"),
        ({"limit": "all"}, "limit is 'all': give a whole number"),
        ({"limit": True}, "limit is True: give a whole number"),
        ({"max_attempts": "0"}, "max_attempts is 0: give 1 or more"),
        ({"staging_prefix": "staging"}, "staging prefix 'staging'"),
        ({"target_bucket": "X"}, "target bucket is 'X'; allowed: a bucket name"),
    ],
)
def test_a_bad_param(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], params: dict[str, Any], reason: str
) -> None:
    assert re.search(reason, refused(listing(deployment, **params).execute, deployment.context(), capsys))


@pytest.mark.parametrize("threshold", ["much", "-1", "101", "nan", None])
def test_a_bad_threshold(deployment: Deployment, capsys: pytest.CaptureFixture[str], threshold: Any) -> None:
    listed = listing(deployment).execute(deployment.context())
    operator = OSSAudioReportOperator(task_id="t", batch=listed, failure_threshold=threshold)
    told = refused(operator.execute, deployment.context(), capsys)
    assert told == f"failure_threshold is {threshold!r}: give a number from 0 to 100"


def test_an_unknown_word_for_an_empty_listing_is_refused_before_anything_is_listed(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.put("a.wav")
    told = refused(listing(deployment, empty_listing="ignore").execute, deployment.context(), capsys)
    assert told == "empty_listing is 'ignore': give fail or warn"
    assert deployment.rows(1) == []


def test_an_address_in_another_bucket(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(listing(deployment, exclude=["oss://other/old/*"]).execute, deployment.context(), capsys)
    bucket = deployment.cloud.bucket
    assert (
        told == f"exclude 'oss://other/old/*' is in another bucket than {bucket!r}: leave it out, or select its bucket"
    )
    deployment.put("a.wav")
    address = f"oss://{bucket}/{deployment.prefix}"
    assert listing(deployment, prefix=address).execute(deployment.context())["listed"] == 1
    assert listing(deployment, exclude=[f"{address}*.wav"]).execute(deployment.context())["listed"] == 0


def test_an_exclude_that_excludes_nothing(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    deployment.put("a.wav")
    listing(deployment, exclude=["old/*", "*.tmp"]).execute(deployment.context())
    output = capsys.readouterr()
    logged = output.out + output.err
    assert "exclude 'old/*' matches no key below the prefix: it excludes nothing" in logged
    assert "*.tmp" not in logged


def test_a_selection_of_its_own_targets(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    told = refused(listing(deployment, prefix="").execute, deployment.context(), capsys)
    assert "profile mobile-mp3 would turn" in told
    assert "add the exclude 'renditions/*', or narrow prefix or include" in told
    opened = deployment.catalogue()
    with opened.read() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(batch)) == 0
    opened.close()


@pytest.mark.parametrize(
    "operator",
    [OSSAudioPlanOperator, OSSAudioVerifyOperator, OSSAudioPublishOperator, OSSAudioReportOperator],
)
@pytest.mark.parametrize("batch", ["nonsense", {}, {"batch": None}])
def test_something_else_than_a_batch(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], operator: Any, batch: Any
) -> None:
    told = refused(operator(task_id="t", batch=batch).execute, deployment.context(), capsys)
    assert f"batch is {batch!r}: give what OSSAudioListOperator returned" in told


@pytest.mark.parametrize(
    "shard", ["nonsense", None, {"batch": 1}, {"batch": 1, "shard": 0}, {"batch": "x", "uid": "u", "shard": 0}, 7]
)
def test_something_else_than_a_shard(deployment: Deployment, capsys: pytest.CaptureFixture[str], shard: Any) -> None:
    told = refused(OSSAudioConvertSensor(task_id="t", shard=shard).execute, deployment.context(), capsys)
    assert f"shard is {shard!r}: give what OSSAudioConvertOperator returned" in told


@pytest.mark.parametrize("operator", [OSSAudioPlanOperator, OSSAudioReportOperator])
def test_a_batch_of_another_catalogue(
    deployment: Deployment, capsys: pytest.CaptureFixture[str], operator: Any
) -> None:
    told = refused(operator(task_id="t", batch=4711).execute, deployment.context(), capsys)
    assert "no such batch; was it replaced" in told


def test_a_catalogue_that_cannot_be_opened(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    deployment.database.write_bytes(b"this is no SQLite database at all" * 100)
    told = refused(listing(deployment).execute, deployment.context(), capsys)
    assert "can't be opened" in told
    assert "catalogue.db" in told


def test_a_catalogue_out_of_reach(deployment: Deployment, capsys: pytest.CaptureFixture[str], closed_port: int) -> None:
    deployment.define("audio_catalogue", f"postgres://somebody:{SECRET}@127.0.0.1:{closed_port}/audio")
    # A server that is started again comes back by itself: the task keeps its retries.
    told = refused(listing(deployment).execute, deployment.context(), capsys, AirflowException)
    assert "can't be opened" in told
    assert f"127.0.0.1:{closed_port}/audio" in told
