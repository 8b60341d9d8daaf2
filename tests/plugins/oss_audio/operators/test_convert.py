"""One conversion in anybody's DAG: by profile, mapping or text; submitted once; failing with the service's reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from oss_audio import defaults
from oss_audio.operators.convert import OSSAudioConvertOperator
from oss_audio.operators.publish import OSSAudioPublishOperator
from oss_audio.operators.verify import OSSAudioVerifyOperator
from oss_audio.sensors.convert import OSSAudioConvertSensor
from oss_audio_core.catalogue import State

if TYPE_CHECKING:
    from tests.plugins.oss_audio.conftest import Deployment


def convert(deployment: Deployment, key: str, **arguments: Any) -> OSSAudioConvertOperator:
    return OSSAudioConvertOperator(task_id="one", bucket=deployment.cloud.bucket, key=key, **arguments)


def wait(shard: Any, context: Any, **arguments: Any) -> Any:
    sensor = OSSAudioConvertSensor(
        task_id="wait", shard=shard, deferrable=False, poke_interval=0.1, timeout=60, **arguments
    )
    return sensor.execute(context)


@pytest.mark.parametrize(
    ("wanted", "target", "process"),
    [
        (
            {"profile": "voice-amr-nb"},
            "renditions/voice-amr-nb/{prefix}曲 a.amr",
            "audio/convert,f_amr,ar_8000,ac_1,ab_12200",
        ),
        (
            {"profile": "voice-amr-nb", "target_key": "{prefix}made.amr"},
            "{prefix}made.amr",
            "audio/convert,f_amr,ar_8000,ac_1,ab_12200",
        ),
        (
            {"convert": {"f": "mp3", "ab": 64000, "ar": 44100}, "target_key": "{prefix}made.mp3"},
            "{prefix}made.mp3",
            "audio/convert,f_mp3,ar_44100,ab_64000",
        ),
        (
            {"convert": "audio/convert,f_flac,ss_100,t_100", "target_key": "{prefix}made.flac"},
            "{prefix}made.flac",
            "audio/convert,f_flac,ss_100,t_100",
        ),
    ],
    ids=["profile", "profile and target", "mapping", "text"],
)
def test_one_conversion_from_submit_to_output(
    deployment: Deployment, wanted: dict[str, Any], target: str, process: str
) -> None:
    key = deployment.put("曲 a.wav")
    if "target_key" in wanted:
        wanted = wanted | {"target_key": wanted["target_key"].format(prefix=deployment.prefix)}
    context = deployment.context()
    shard = convert(deployment, key, **wanted).execute(context)
    assert wait(shard, context) == shard | {"converted": 1, "failed": 0}
    (row,) = deployment.rows(shard["batch"])
    assert row.target_key == row.output_key == target.format(prefix=deployment.prefix)
    assert sorted(row.process.split(",")) == sorted(process.split(","))
    assert deployment.exists(row.target_key)


def test_running_again_submits_nothing_in_this_run_or_in_another(deployment: Deployment) -> None:
    key = deployment.put("a.wav")
    context = deployment.context()
    first = convert(deployment, key, profile="mobile-mp3").execute(context)
    task_id = deployment.rows(first["batch"])[0].task_id
    wait(first, context)
    assert convert(deployment, key, profile="mobile-mp3").execute(context) == first
    another = convert(deployment, key, profile="mobile-mp3").execute(deployment.context())
    assert another != first
    assert wait(another, context)["converted"] == 1
    assert [one.task_id for one in deployment.rows(another["batch"])] == [task_id]


def test_verified_and_published_by_the_batch_operators_and_run_again(deployment: Deployment) -> None:
    key = deployment.put("a.wav")
    context = deployment.context()
    shard = convert(deployment, key, profile="mobile-mp3").execute(context)
    wait(shard, context)
    assert OSSAudioVerifyOperator(task_id="verify", batch=shard).execute(context) == {"verified": 1}
    assert OSSAudioPublishOperator(task_id="publish", batch=shard).execute(context) == {"published": 1}
    # Another run finds it done; cleared, that run finds it done again.
    context = deployment.context()
    for _ in range(2):
        shard = convert(deployment, key, profile="mobile-mp3").execute(context)
        assert wait(shard, context)["failed"] == 0
        assert deployment.rows(shard["batch"]) == []


def test_force_makes_it_anew(deployment: Deployment) -> None:
    key = deployment.put("a.wav")
    context = deployment.context()
    wait(convert(deployment, key, profile="mobile-mp3").execute(context), context)
    forced = convert(deployment, key, profile="mobile-mp3", force="true").execute(deployment.context())
    (row,) = deployment.rows(forced["batch"])
    assert (row.generation, row.state) == (2, State.SUBMITTED)
    assert wait(forced, context)["converted"] == 1


def test_a_failure_fails_the_sensor_with_the_services_reason_and_a_clear_tries_again(deployment: Deployment) -> None:
    key = deployment.put("bad.wav", b"no audio at all")
    context = deployment.context()
    shard = convert(deployment, key, profile="mobile-mp3").execute(context)
    with pytest.raises(AirflowFailException) as caught:
        wait(shard, context)
    (row,) = deployment.rows(shard["batch"])
    assert str(caught.value) == f"oss://{row.bucket}/{row.key} failed: {row.code}: {row.message}"
    for attempt in (2, 3, 3):
        assert convert(deployment, key, profile="mobile-mp3").execute(context) == shard
        with pytest.raises(AirflowFailException, match="failed"):
            wait(shard, context)
        assert deployment.rows(shard["batch"])[0].attempt == attempt
    # Another run finds it failed for good, and so does that run when it is cleared.
    another = deployment.context()
    for _ in range(2):
        with pytest.raises(AirflowFailException, match=r"bad\.wav has failed too often: mend it, or set force"):
            convert(deployment, key, profile="mobile-mp3").execute(another)


def spent(deployment: Deployment, key: str) -> None:
    """Let every attempt at a source fail, and another run find it dead."""
    context = deployment.context()
    for _ in range(3):
        shard = convert(deployment, key, profile="mobile-mp3").execute(context)
        with pytest.raises(AirflowFailException, match="failed"):
            wait(shard, context)


def test_a_clear_with_force_makes_anew_what_has_failed_too_often(deployment: Deployment) -> None:
    key = deployment.put("bad.wav", b"no audio at all")
    spent(deployment, key)
    context = deployment.context()
    with pytest.raises(AirflowFailException, match="has failed too often: mend it, or set force"):
        convert(deployment, key, profile="mobile-mp3").execute(context)
    forced = convert(deployment, key, profile="mobile-mp3", force=True).execute(context)
    (row,) = deployment.rows(forced["batch"])
    assert (row.generation, row.attempt) == (2, 1)
    # Cleared again, or tried again by Airflow, it goes on with the one it made.
    assert convert(deployment, key, profile="mobile-mp3", force=True).execute(context) == forced


def test_a_clear_after_the_source_was_corrected_converts_it(deployment: Deployment) -> None:
    key = deployment.put("bad.wav", b"no audio at all")
    spent(deployment, key)
    context = deployment.context()
    with pytest.raises(AirflowFailException, match="has failed too often"):
        convert(deployment, key, profile="mobile-mp3").execute(context)
    deployment.put("bad.wav")
    mended = convert(deployment, key, profile="mobile-mp3").execute(context)
    assert wait(mended, context)["converted"] == 1


def test_a_clear_looks_again_whether_it_is_dead(deployment: Deployment) -> None:
    key = deployment.put("bad.wav", b"no audio at all")
    spent(deployment, key)
    context = deployment.context()
    with pytest.raises(AirflowFailException, match="has failed too often"):
        convert(deployment, key, profile="mobile-mp3").execute(context)
    convert(deployment, key, profile="mobile-mp3", force=True).execute(deployment.context())
    joined = convert(deployment, key, profile="mobile-mp3").execute(context)
    assert [one.generation for one in deployment.rows(joined["batch"])] == [2]


def test_a_clear_with_other_arguments_makes_what_they_say(deployment: Deployment) -> None:
    keys = [deployment.put(name) for name in ("wrong.wav", "right.wav")]
    context = deployment.context()
    first = convert(deployment, keys[0], profile="mobile-mp3").execute(context)
    second = convert(deployment, keys[1], profile="voice-amr-nb").execute(context)
    third = convert(
        deployment, keys[1], profile="voice-amr-nb", target_key=f"{deployment.prefix}elsewhere.amr"
    ).execute(context)
    rows = [row for shard in (first, second, third) for row in deployment.rows(shard["batch"])]
    assert [(row.key, row.target_key) for row in rows] == [
        (keys[0], f"renditions/mobile-mp3/{deployment.prefix}wrong.mp3"),
        (keys[1], f"renditions/voice-amr-nb/{deployment.prefix}right.amr"),
        (keys[1], f"{deployment.prefix}elsewhere.amr"),
    ]


def test_a_batchs_sensor_takes_the_same_failure_for_a_row(deployment: Deployment) -> None:
    key = deployment.put("bad.wav", b"no audio at all")
    context = deployment.context()
    shard = convert(deployment, key, profile="mobile-mp3").execute(context)
    assert wait(shard, context, fail_on_error=False)["failed"] == 1


@pytest.mark.parametrize("option", ["soft_fail", "never_fail"])
def test_a_failure_that_is_to_skip_the_sensor_skips_it_however_soon_it_is_known(
    deployment: Deployment, option: str
) -> None:
    key = deployment.put("bad.wav", b"no audio at all")
    context = deployment.context()
    shard = convert(deployment, key, profile="mobile-mp3").execute(context)
    with pytest.raises(AirflowSkipException, match=r"bad\.wav failed: InvalidMedia"):
        wait(shard, context, **{option: True})
    # Now the first look finds it; and as a trigger would have it resumed.
    sensor = OSSAudioConvertSensor(task_id="wait", shard=shard, **{option: True})
    with pytest.raises(AirflowSkipException):
        sensor.execute(context)
    with pytest.raises(AirflowSkipException):
        sensor.resume_execution("execute_complete", {"event": {}}, context)


def test_an_outage_of_the_catalogue_keeps_the_retries_of_a_sensor_that_skips_failures(
    deployment: Deployment, closed_port: int
) -> None:
    deployment.define("audio_catalogue", f"postgres://somebody:secret@127.0.0.1:{closed_port}/audio")
    shard = {"batch": 1, "uid": "u", "shard": 0}
    with pytest.raises(AirflowException, match="can't be opened") as caught:
        wait(shard, deployment.context(), soft_fail=True)
    assert not isinstance(caught.value, AirflowSkipException)
    with pytest.raises(AirflowSkipException, match="can't be opened"):
        wait(shard, deployment.context(), never_fail=True)


def test_an_empty_source_fails_the_sensor(deployment: Deployment) -> None:
    key = deployment.put("empty.wav", b"")
    context = deployment.context()
    shard = convert(deployment, key, profile="mobile-mp3").execute(context)
    with pytest.raises(AirflowFailException, match=r"empty\.wav was skipped: EmptySource: the source object has no"):
        wait(shard, context)


def test_mapped_tasks_of_one_run_have_batches_of_their_own(deployment: Deployment) -> None:
    keys = [deployment.put(name) for name in ("a.wav", "b.wav")]
    context = deployment.context("mapped")
    shards = [
        convert(deployment, key, profile="mobile-mp3").execute(deployment.context("mapped", map_index=index))
        for index, key in enumerate(keys)
    ]
    assert len({shard["batch"] for shard in shards}) == 2
    assert [wait(shard, context)["converted"] for shard in shards] == [1, 1]


def test_a_source_that_is_not_there(deployment: Deployment) -> None:
    with pytest.raises(AirflowException, match="there is no such object"):
        convert(deployment, deployment.prefix + "none.wav", profile="mobile-mp3").execute(deployment.context())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({}, "give either profile or convert"),
        ({"profile": "mobile-mp3", "convert": {"f": "mp3"}}, "give either profile or convert"),
        ({"convert": {"f": "mp3"}}, "give target_key"),
        ({"profile": "nope"}, "unknown profile 'nope': choose from archive-flac, "),
        ({"profile": "nope", "target_key": "x.mp3"}, "unknown profile 'nope': choose from archive-flac, "),
        ({"convert": {"f": "wma"}, "target_key": "x.wma"}, "f is 'wma'; allowed: mp3, "),
        ({"convert": {"f": "mp3", "bitrate": 1}, "target_key": "x.mp3"}, "convert is .*'bitrate'"),
        ({"convert": "audio/convert,f_mp3,ab_1", "target_key": "x.mp3"}, "ab is '?1'?; allowed"),
        ({"convert": "nonsense", "target_key": "x.mp3"}, "nonsense"),
        ({"profile": "mobile-mp3", "target_key": "{key}"}, "target_key is the source itself"),
        ({"profile": "mobile-mp3", "target_key": ".staging/a.mp3"}, "a key outside of the staging prefix"),
        ({"profile": "mobile-mp3", "target_key": "catalogue/a.mp3"}, "a key outside of the catalogue prefix"),
        ({"profile": "mobile-mp3", "force": "perhaps"}, "force is 'perhaps': give true or false"),
        ({"shard": "nonsense"}, "shard is 'nonsense': give what OSSAudioConvertOperator returned"),
    ],
)
def test_what_cannot_be_done_is_refused_at_once(deployment: Deployment, arguments: dict[str, Any], reason: str) -> None:
    key = deployment.put("a.wav")
    if "target_key" in arguments:
        arguments = arguments | {"target_key": arguments["target_key"].format(key=key)}
    with pytest.raises(AirflowFailException, match=reason):
        convert(deployment, key, **arguments).execute(deployment.context())


def test_a_rendition_of_ours_is_refused_as_a_source_every_time(deployment: Deployment) -> None:
    key = deployment.put("a.wav")
    context = deployment.context()
    shard = convert(deployment, key, profile="mobile-mp3").execute(context)
    wait(shard, context)
    OSSAudioVerifyOperator(task_id="verify", batch=shard).execute(context)
    OSSAudioPublishOperator(task_id="publish", batch=shard).execute(context)
    made = deployment.rows(shard["batch"])[0].target_key
    context = deployment.context()
    for _ in range(2):
        with pytest.raises(AirflowFailException, match="is itself a rendition of the catalogue"):
            convert(deployment, made, profile="voice-amr-nb").execute(context)


def test_neither_shard_nor_source(deployment: Deployment) -> None:
    with pytest.raises(AirflowFailException, match="give either shard, or bucket and key"):
        OSSAudioConvertOperator(task_id="one", profile="mobile-mp3").execute(deployment.context())


@pytest.mark.parametrize(
    ("given", "connection", "expected"),
    [(None, "smq_default", "set"), ("", "smq_default", ""), ("mine", "smq_default", "mine"), (None, "smq_other", None)],
)
def test_the_topic_and_queue_of_a_deployment_are_those_of_its_own_connection(
    monkeypatch: pytest.MonkeyPatch, given: str | None, connection: str, expected: str | None
) -> None:
    for name in ("_TOPIC", "_QUEUE"):
        monkeypatch.setattr(defaults, name, "set")
    submits = OSSAudioConvertOperator(task_id="one", shard={}, smq_topic=given, smq_queue=given, smq_conn_id=connection)
    waits = OSSAudioConvertSensor(task_id="wait", shard={}, smq_queue=given, smq_conn_id=connection)
    assert [submits.smq_topic, submits.smq_queue, waits.smq_queue] == [expected] * 3
