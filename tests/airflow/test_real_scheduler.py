"""The main job under a real scheduler and triggerer: deferral, exactly-once, Params, thresholds, a killed triggerer."""

from __future__ import annotations

import io
import math
import struct
import subprocess
import sys
import time
import wave
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import oss2
import psutil
import pyarrow.parquet as pq
import pytest

from oss_audio_core.catalogue import Catalogue, State
from oss_audio_core.catalogue.reports import ReportRow, newest_rows
from oss_audio_core.oss import OssSettings
from oss_audio_core.verification import probe
from tests.canaries import Canaries, command_lines, files, objects
from tools.demo.imm_tasks import count_conversion_tasks
from tools.demo.progress import batch_states
from tools.demo.samples import SAMPLES, TEXT_KEY, TRUNCATED_KEY
from tools.stack import Stack
from tools.stack.components import TRIGGERER

RUN_SECONDS = 240.0
NIGHTLY, MANUAL, OWN = "nightly_audio_batch", "convert_audio", "custom_dag"
AGAIN = "requeue_failed"
LISTENER = "asset_consumer"
UNHEARD = "batch_without_a_topic"
TWO, MAPPED = "two_pipelines", "mapped_batches"


def run_dag(stack: Stack, dag_id: str, run_id: str, **conf: Any) -> dict[str, Any]:
    stack.airflow.trigger(dag_id, conf=conf, run_id=run_id)
    return stack.airflow.wait_for_run(dag_id, run_id, RUN_SECONDS)


def succeed(stack: Stack, dag_id: str, run_id: str, **conf: Any) -> None:
    run = run_dag(stack, dag_id, run_id, **conf)
    assert run["state"] == "success", stack.airflow.explain_failure(dag_id, run_id)


def rows_below(catalogue: Catalogue, prefix: str) -> list[ReportRow]:
    with catalogue.read() as connection:
        return [row for row in newest_rows(connection) if row.key.startswith(prefix)]


def heard_of(stack: Stack, run: str) -> dict[str, Any]:
    """The extra of a run's asset event, as the DAG got it that is scheduled on the asset."""
    end = time.monotonic() + RUN_SECONDS
    while True:
        for one in stack.airflow.runs(LISTENER):
            if one["state"] == "success":
                for extra in stack.airflow.xcom(LISTENER, one["dag_run_id"], "asset_events"):
                    if extra["run"] == run:
                        assert one["run_type"] == "asset_triggered"
                        return dict(extra)
        assert time.monotonic() < end, f"{LISTENER} got no asset event of {run}"
        time.sleep(0.5)


def exported(media: oss2.Bucket, uri: str) -> list[dict[str, Any]]:
    """The rows of an exported Parquet file."""
    prefix = f"oss://{media.bucket_name}/"
    assert uri.startswith(f"{prefix}catalogue/dt=")
    content = media.get_object(uri.removeprefix(prefix)).read()
    return list(pq.read_table(io.BytesIO(content)).to_pylist())


def tone(seconds: float, pitch: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        samples = (int(8000 * math.sin(pitch * index / 16_000)) for index in range(int(seconds * 16_000)))
        out.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


def test_a_night_publishes_verifies_and_reports_and_the_next_submits_nothing(
    airflow_stack: Stack, cloud_settings: OssSettings, media: oss2.Bucket, catalogue: Catalogue
) -> None:
    conf = {"profiles": ["mobile-mp3", "voice-amr-wb"], "failure_threshold": 50}
    succeed(airflow_stack, NIGHTLY, "night-1", **conf)
    instances = airflow_stack.airflow.task_instances(NIGHTLY, "night-1")
    assert Counter(one["state"] for one in instances) == {"success": 8}
    (shard,) = airflow_stack.airflow.xcom(NIGHTLY, "night-1", "plan")
    assert set(shard) == {"batch", "uid", "shard"}  # what one task hands to the next is a handle, never a list of files
    log = airflow_stack.airflow.task_log(NIGHTLY, "night-1", "shard.await", map_index=0)
    assert "trigger completed" in log
    assert "12 converted, 4 failed, 0 in flight" in log
    rows = rows_below(catalogue, "incoming/")
    assert Counter(row.state for row in rows) == {State.PUBLISHED: 2 * (len(SAMPLES) - 2), State.FAILED: 4}
    failed = {row.key: row.code for row in rows if row.state is State.FAILED}
    assert failed == {f"incoming/{TRUNCATED_KEY}": "IncompleteMedia", f"incoming/{TEXT_KEY}": "InvalidMedia"}
    for row in rows:
        if row.state is State.PUBLISHED:
            found = probe(io.BytesIO(media.get_object(row.target_key).read()))
            assert (found.codec, found.channels) == (row.codec, row.channels)
    assert media.list_objects_v2(prefix=".staging/").object_list == []
    (report,) = (airflow_stack.folders.reports).glob("*night-1*.md")
    assert "**12 published, 4 failed**" in report.read_text()

    event = heard_of(airflow_stack, f"{NIGHTLY}/night-1")
    counts = ("listed", "wanted", "published", "failed", "rows", "manifests")
    assert [event[name] for name in counts] == [len(SAMPLES), 16, 12, 4, 12, 6]
    assert f"Exported: `{event['export']}`, 12 rows." in report.read_text()
    assert len(exported(media, event["export"])) == 12
    note = airflow_stack.airflow.run(NIGHTLY, "night-1")["note"].split("\n")
    assert note[:2] == [
        f"Audio batch: {len(SAMPLES)} files: {len(SAMPLES) - 2} published, 2 failed.",
        "4 of 16 conversions failed (25 %): IncompleteMedia 2, InvalidMedia 2.",
    ]

    accepted = count_conversion_tasks(cloud_settings, media.bucket_name)
    succeed(airflow_stack, NIGHTLY, "night-2", **conf)
    assert count_conversion_tasks(cloud_settings, media.bucket_name) == accepted
    states = {one["task_id"]: one["state"] for one in airflow_stack.airflow.task_instances(NIGHTLY, "night-2")}
    assert states == {
        "list": "success",
        "plan": "success",
        "shard.convert": "skipped",
        "shard.await": "skipped",
        "shard.verify": "skipped",
        "shard.publish": "skipped",
        "export": "success",
        "report": "success",
    }


def test_a_dry_run_shows_the_plan_and_submits_nothing(
    airflow_stack: Stack, cloud_settings: OssSettings, media: oss2.Bucket
) -> None:
    accepted = count_conversion_tasks(cloud_settings, media.bucket_name)
    succeed(airflow_stack, MANUAL, "dry", profiles=["web-oga"], include="incoming/music/*", dry_run=True)
    assert count_conversion_tasks(cloud_settings, media.bucket_name) == accepted
    log = airflow_stack.airflow.task_log(MANUAL, "dry", "plan")
    assert "oss://media/renditions/web-oga/incoming/music/stereo-44100.oga" in log
    assert "nothing was submitted" in log


def test_a_clip_and_a_limit_by_params(airflow_stack: Stack, media: oss2.Bucket) -> None:
    succeed(
        airflow_stack,
        MANUAL,
        "clip",
        profiles=["archive-flac"],
        include="incoming/music/*.wav",
        start=1000,
        duration=2500,
        limit=1,
    )
    key = "renditions/archive-flac.clip-1000-3500/incoming/music/stereo-44100.clip-1000-3500.flac"
    found = probe(io.BytesIO(media.get_object(key).read()))
    assert (found.codec, found.duration) == ("flac", pytest.approx(2.5, abs=0.001))


def test_past_the_threshold_the_run_fails_and_says_why_and_its_failures_are_tried_again(
    airflow_stack: Stack, cloud_settings: OssSettings, media: oss2.Bucket, catalogue: Catalogue
) -> None:
    run = run_dag(
        airflow_stack, MANUAL, "broken", profiles=["web-oga"], prefix="incoming/broken/", failure_threshold=10
    )
    assert run["state"] == "failed"
    states = {one["task_id"]: one["state"] for one in airflow_stack.airflow.task_instances(MANUAL, "broken")}
    assert states["report"] == "failed"
    assert states["shard.publish"] == "success"
    assert (
        "2 of 2 conversions failed (100 %, more than the threshold of 10 %)"
        in airflow_stack.airflow.explain_failure(MANUAL, "broken")
    )

    assert "2 of 2 conversions failed" in airflow_stack.airflow.run(MANUAL, "broken")["note"]
    (report,) = [one for one in airflow_stack.airflow.task_instances(MANUAL, "broken") if one["task_id"] == "report"]
    assert report["note"].startswith("2 of 2 conversions failed (100 %, more than the threshold of 10 %)")

    accepted = count_conversion_tasks(cloud_settings, media.bucket_name)
    conf = {"failed_batch": f"{MANUAL}/broken", "code": "InvalidMedia", "failure_threshold": 100}
    succeed(airflow_stack, AGAIN, "again", **conf)
    assert Counter(one["state"] for one in airflow_stack.airflow.task_instances(AGAIN, "again")) == {"success": 8}
    assert count_conversion_tasks(cloud_settings, media.bucket_name) == accepted + 1
    attempts = {row.key: row.attempt for row in rows_below(catalogue, "incoming/broken/") if row.profile == "web-oga"}
    assert attempts == {f"incoming/{TRUNCATED_KEY}": 1, f"incoming/{TEXT_KEY}": 2}
    (report,) = airflow_stack.folders.reports.glob(f"{AGAIN}_again-*.md")
    assert "| requeued | 1 |" in report.read_text()


@pytest.mark.parametrize(
    ("name", "conf", "reason"),
    [
        ("profile", {"profiles": ["no-such"]}, "unknown profile 'no-such': choose from archive-flac"),
        ("bucket", {"bucket": "no-such-bucket"}, "no such bucket"),
        ("itself", {"prefix": None}, "add the exclude 'renditions/*'"),
        ("typo", {"prefix": "incomming/"}, "there is no object below oss://media/incomming/. Check bucket and prefix."),
    ],
)
def test_bad_params_fail_the_first_task_at_once(
    airflow_stack: Stack, name: str, conf: dict[str, Any], reason: str
) -> None:
    run = run_dag(airflow_stack, MANUAL, f"bad-{name}", **conf)
    assert run["state"] == "failed"
    (listed,) = [one for one in airflow_stack.airflow.task_instances(MANUAL, f"bad-{name}") if one["task_id"] == "list"]
    assert (listed["state"], listed["try_number"]) == ("failed", 1)
    log = airflow_stack.airflow.task_log(MANUAL, f"bad-{name}", "list")
    assert reason in log
    states = {one["task_id"]: one["state"] for one in airflow_stack.airflow.task_instances(MANUAL, f"bad-{name}")}
    assert {states[task_id] for task_id in states if task_id == "plan" or "shard." in task_id} == {"upstream_failed"}
    assert states["export"] == "skipped"
    assert states["report"] == "failed"
    (report,) = [
        one for one in airflow_stack.airflow.task_instances(MANUAL, f"bad-{name}") if one["task_id"] == "report"
    ]
    assert all(reason in one["note"] for one in (listed, report))
    assert airflow_stack.secrets.access_key_secret not in log


def test_a_batch_that_could_not_be_submitted_is_seen_through_reported_and_failed(airflow_stack: Stack) -> None:
    run = run_dag(airflow_stack, UNHEARD, "unheard")
    assert run["state"] == "failed"
    states = {one["task_id"]: one["state"] for one in airflow_stack.airflow.task_instances(UNHEARD, "unheard")}
    assert states == {
        "list": "success",
        "plan": "success",
        "shard.convert": "failed",
        "shard.await": "success",
        "shard.verify": "success",
        "shard.publish": "success",
        "export": "success",
        "report": "failed",
    }
    told = airflow_stack.airflow.explain_failure(UNHEARD, "unheard")
    assert "no-such-topic" in told
    assert "conversions are not finished; clear the tasks that failed" in told


def test_two_pipelines_of_one_dag_are_two_batches(
    airflow_stack: Stack, media: oss2.Bucket, catalogue: Catalogue
) -> None:
    for number in range(2):
        media.put_object(f"two/music/{number}.wav", tone(1.0, 900 + number))
        media.put_object(f"two/voice/{number}.wav", tone(1.0, 950 + number))
    succeed(airflow_stack, TWO, "both")
    assert {(row.key, row.profile): row.state for row in rows_below(catalogue, "two/")} == {
        (f"two/{folder}/{number}.wav", profile): State.PUBLISHED
        for folder, profile in (("music", "mobile-mp3"), ("voice", "podcast-opus"))
        for number in range(2)
    }
    for pipeline, profile in (("music", "mobile-mp3"), ("voice", "podcast-opus")):
        (report,) = airflow_stack.folders.reports.glob(f"{TWO}_both_{pipeline}-*.md")
        text = report.read_text()
        assert f"# Batch `{TWO}/both/{pipeline}`" in text
        assert "**2 published, 0 failed**" in text
        assert f"two/{pipeline}/" in text
        assert profile in text
        export = airflow_stack.airflow.xcom(TWO, "both", f"{pipeline}.export")
        assert export["run"] == f"{TWO}/both/{pipeline}"
        assert {row["profile"] for row in exported(media, export["export"])} == {profile}


def test_each_mapped_first_task_is_a_batch(airflow_stack: Stack, catalogue: Catalogue) -> None:
    succeed(airflow_stack, MAPPED, "side-by-side")
    for index, folder in enumerate(("incoming/music/", "incoming/voice/")):
        count = sum(f"incoming/{one.key}".startswith(folder) for one in SAMPLES)
        rows = [row for row in rows_below(catalogue, folder) if row.profile == "streaming-opus-64k"]
        assert Counter(row.state for row in rows) == {State.PUBLISHED: count}
        assert batch_states(catalogue, f"{MAPPED}/side-by-side[{index}]") == {State.PUBLISHED: count}
        (report,) = airflow_stack.folders.reports.glob(f"{MAPPED}_side-by-side_{index}_-*.md")
        assert f"**{count} published, 0 failed**" in report.read_text()


def test_operator_and_sensor_in_a_custom_dag(
    airflow_stack: Stack, cloud_settings: OssSettings, media: oss2.Bucket
) -> None:
    succeed(airflow_stack, OWN, "own-1")
    found = probe(io.BytesIO(media.get_object("own/dest.aac").read()))
    assert (found.codec, found.duration) == ("aac", pytest.approx(2.0, abs=0.15))
    accepted = count_conversion_tasks(cloud_settings, media.bucket_name)
    succeed(airflow_stack, OWN, "own-2")
    assert count_conversion_tasks(cloud_settings, media.bucket_name) == accepted
    run = run_dag(airflow_stack, OWN, "own-broken", key=f"incoming/{TEXT_KEY}", target="own/broken.aac")
    assert run["state"] == "failed"
    assert "InvalidMedia" in airflow_stack.airflow.explain_failure(OWN, "own-broken")


def test_a_killed_triggerer_loses_nothing_and_submits_nothing_again(
    airflow_stack: Stack, cloud_settings: OssSettings, media: oss2.Bucket, catalogue: Catalogue
) -> None:
    for number in range(40):
        media.put_object(f"many/{number:03}.wav", tone(4.0, 1000 + number * 50))
    accepted = count_conversion_tasks(cloud_settings, media.bucket_name)
    airflow_stack.airflow.trigger(MANUAL, conf={"prefix": "many/", "profiles": ["podcast-opus"]}, run_id="killed")
    end = time.monotonic() + RUN_SECONDS
    while not any(
        one["task_id"] == "shard.await" and one["state"] == "deferred"
        for one in airflow_stack.airflow.task_instances(MANUAL, "killed")
    ):
        assert time.monotonic() < end, airflow_stack.airflow.explain_failure(MANUAL, "killed")
        time.sleep(0.1)
    (triggerer,) = [one for one in airflow_stack.processes.recorded() if one.name == TRIGGERER]
    family = [psutil.Process(triggerer.pid), *psutil.Process(triggerer.pid).children(recursive=True)]
    for process in family:
        process.kill()
    psutil.wait_procs(family, timeout=10)
    airflow_stack.restart_component(TRIGGERER)
    run = airflow_stack.airflow.wait_for_run(MANUAL, "killed", RUN_SECONDS)
    assert run["state"] == "success", airflow_stack.airflow.explain_failure(MANUAL, "killed")
    assert count_conversion_tasks(cloud_settings, media.bucket_name) == accepted + 40
    assert Counter(row.state for row in rows_below(catalogue, "many/")) == {State.PUBLISHED: 40}


def test_no_secret_of_the_stack_is_anywhere(airflow_stack: Stack, media: oss2.Bucket) -> None:
    """After all runs of this file: logs of all components, Airflow's database, the catalogue, reports, objects."""
    canaries = Canaries(asdict(airflow_stack.secrets))
    pids = [one.pid for one in airflow_stack.processes.recorded()]
    commands = {
        f"oss-audio catalogue {' '.join(words)}": subprocess.run(
            [str(Path(sys.executable).with_name("oss-audio")), "catalogue", *words],
            env=airflow_stack.env,
            capture_output=True,
            text=True,
            check=False,
        )
        for words in (["list", "--json"], ["failures"], ["savings"])
    }
    places = {
        # Both files are readable by their owner only.
        **dict(files(airflow_stack.run_dir, leave_out={"secrets.json", "passwords.json"})),
        **dict(objects(media)),
        **dict(command_lines(pids)),
        **{name: ran.stdout + ran.stderr for name, ran in commands.items()},
    }
    assert canaries.found(places.items()) == []
    # The search has seen what it was to see.
    for name in ("scheduler.log", "triggerer.log", "audio_catalogue.db", "airflow.db", ".md", ".parquet"):
        assert any(place.endswith(name) for place in places), (name, sorted(places))
    for name, ran in commands.items():
        assert ran.returncode == 0, (name, ran.stderr)
