"""The DAGs: they load without a complaint, have the graph of a batch, and Params that make a form."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]

SETTINGS = {
    "BUCKET": "music",
    "PREFIX": "incoming/",
    "TARGET_BUCKET": "renditions",
    "PROFILES": "archive-flac, podcast-opus",
    "EXCLUDE": "renditions/*, tmp/*,",
    "TOPIC": "done",
    "QUEUE": "done-queue",
    "STAGING_PREFIX": "tmp/",
    "REPORTS": "/srv/reports",
    "SCHEDULE": "30 3 * * *",
    "TIMEZONE": "Europe/Berlin",
}
"""What one deployment sets, and what another one leaves as it is."""

PROGRAM = """
import json, os, sys
from pathlib import Path
import pendulum
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

NOON = pendulum.datetime(2026, 11, 22, 12, tz="Asia/Shanghai")

def patience(task):
    # The shortest delays before the retries of a task, in minutes: Airflow adds up to as much again, below the cap.
    shortest = (task.retry_delay * task.retry_exponential_backoff**number for number in range(task.retries))
    return tuple(min(task.max_retry_delay, delay).total_seconds() / 60 for delay in shortest)

def describe(dag):
    restored = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    first = next(task for task in dag.tasks if not task.upstream_task_ids)
    convert, wait = dag.get_task("shard.convert"), dag.get_task("shard.await")
    params = {name: dag.params.get_param(name) for name in dag.params}
    return {
        "file": Path(dag.fileloc).name,
        "schedule": restored.timetable.summary,
        "timezone": str(dag.timezone),
        "interval": [str(one) for one in restored.timetable.infer_manual_data_interval(run_after=NOON)],
        "catchup": dag.catchup,
        "max_active_runs": dag.max_active_runs,
        "graph": {task.task_id: sorted(task.upstream_task_ids) for task in restored.tasks},
        "rules": {task.task_id: str(task.trigger_rule) for task in restored.tasks},
        "mapped": sorted(task.task_id for task in restored.tasks if task.get_closest_mapped_task_group() is not None),
        "weights": {task.task_id: str(task.weight_rule) for task in dag.tasks},
        "types": {task.task_id: task.task_type for task in dag.tasks},
        "patience": sorted({patience(task) for task in dag.tasks}),
        "selection": {name: getattr(first, name) for name in first.template_fields},
        "convert": {name: getattr(convert, name) for name in ("smq_topic", "smq_queue", "staging_prefix")},
        "await": {name: getattr(wait, name) for name in ("smq_queue", "fail_on_error")},
        "reports": dag.get_task("report").reports,
        "doc": dag.doc_md,
        "params": {
            name: {"value": param.value, "schema": param.schema, "description": param.description}
            for name, param in params.items()
        },
    }

found = []
for settings in json.loads(sys.argv[2]):
    os.environ.update({f"OSS_AUDIO_{name}": value for name, value in settings.items()})
    for name in [name for name in sys.modules if name.startswith("oss_audio.")]:
        del sys.modules[name]
    bag = DagBag(sys.argv[1])
    dags = {dag_id: describe(dag) for dag_id, dag in bag.dags.items()}
    found.append({"errors": bag.import_errors, "warnings": bag.captured_warnings, "dags": dags})
print("RESULT " + json.dumps(found))
"""
"""A process of its own: the DAGs read their settings while they are imported."""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The DAG folder as Airflow loads it, first without any setting, then with SETTINGS."""
    home = tmp_path_factory.mktemp("home")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OSS_AUDIO_", "AIRFLOW"))}
    environment |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
    }
    command = [sys.executable, "-W", "default", "-c", PROGRAM, str(ROOT / "dags"), json.dumps([{}, SETTINGS])]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=home)
    assert done.returncode == 0, done.stderr
    result: list[dict[str, Any]] = json.loads(done.stdout.rpartition("RESULT ")[2])
    return result


@pytest.fixture(scope="module")
def found(loaded: list[dict[str, Any]]) -> dict[str, Any]:
    return loaded[0]


def test_all_dags_load_without_errors_and_warnings(found: dict[str, Any]) -> None:
    assert (found["errors"], found["warnings"]) == ({}, {})
    assert {dag_id: dag["file"] for dag_id, dag in found["dags"].items()} == {
        "nightly_audio_batch": "nightly_audio_batch.py",
        "convert_audio": "convert_audio.py",
        "requeue_failed": "requeue_failed.py",
    }


@pytest.mark.parametrize(
    ("dag_id", "first", "operator"),
    [
        ("nightly_audio_batch", "list", "OSSAudioListOperator"),
        ("convert_audio", "list", "OSSAudioListOperator"),
        ("requeue_failed", "requeue", "OSSAudioRequeueOperator"),
    ],
)
def test_the_graph_of_a_batch(found: dict[str, Any], dag_id: str, first: str, operator: str) -> None:
    dag = found["dags"][dag_id]
    assert dag["graph"] == {
        first: [],
        "plan": [first],
        "shard.convert": ["plan"],
        "shard.await": ["plan", "shard.convert"],
        "shard.verify": ["plan", "shard.await"],
        "shard.publish": ["plan", "shard.verify"],
        "export": sorted(["shard.publish", first]),
        "report": sorted(["export", first]),
    }
    # Whatever fails after planning, what was submitted is seen through; the report, the only leaf, then fails the run.
    assert dag["rules"] == {
        first: "all_success",
        "plan": "all_success",
        "shard.convert": "all_success",
        "shard.await": "all_done",
        "shard.verify": "all_done",
        "shard.publish": "all_done",
        "export": "all_done",
        "report": "all_done",
    }
    # A shard goes its own way to the end. Where workers are few, what is nearest to its end goes first.
    assert dag["mapped"] == ["shard.await", "shard.convert", "shard.publish", "shard.verify"]
    assert {dag["weights"][task_id] for task_id in dag["mapped"]} == {"WeightRule.UPSTREAM"}
    assert dag["types"] == {
        first: operator,
        "plan": "OSSAudioPlanOperator",
        "shard.convert": "OSSAudioConvertOperator",
        "shard.await": "OSSAudioConvertSensor",
        "shard.verify": "OSSAudioVerifyOperator",
        "shard.publish": "OSSAudioPublishOperator",
        "export": "OSSAudioExportOperator",
        "report": "OSSAudioReportOperator",
    }
    # Each task outlasts half an hour; none asks more often than every minute.
    (minutes,) = dag["patience"]
    assert 30 <= sum(minutes) <= 45
    assert minutes == sorted(minutes)
    assert minutes[0] >= 1
    assert dag["doc"]


def test_schedules(found: dict[str, Any]) -> None:
    nightly, manual = found["dags"]["nightly_audio_batch"], found["dags"]["convert_audio"]
    assert (nightly["schedule"], nightly["timezone"], nightly["catchup"]) == ("0 2 * * *", "Asia/Shanghai", False)
    assert nightly["max_active_runs"] == 1
    # What *interval only* is about: the day that ended when the night began, not a moment.
    assert nightly["interval"] == ["2026-11-20 18:00:00+00:00", "2026-11-21 18:00:00+00:00"]
    assert manual["schedule"] == "None"


@pytest.mark.parametrize("dag_id", ["nightly_audio_batch", "convert_audio"])
def test_params_make_a_form(found: dict[str, Any], dag_id: str) -> None:
    params = found["dags"][dag_id]["params"]
    assert {name: (param["schema"]["type"], param["value"]) for name, param in params.items()} == {
        "bucket": ("string", "media"),
        "prefix": (["null", "string"], None),
        "include": (["null", "string"], None),
        "exclude": (["null", "array"], None),
        "profiles": ("array", ["mobile-mp3"]),
        "start": ("integer", 0),
        "duration": ("integer", 0),
        "force": ("boolean", False),
        "dry_run": ("boolean", False),
        "limit": (["null", "integer"], None),
        "order": ("string", "profile"),
        "min_size": (["null", "integer"], None),
        "max_size": (["null", "integer"], None),
        "min_age": (["null", "number"], None),
        "max_age": (["null", "number"], None),
        "never_degrade": ("boolean", False),
        "interval_only": ("boolean", False),
        "leftovers": ("boolean", True),
        "restore": ("boolean", False),
        "empty_listing": ("string", "fail"),
        "failure_threshold": ("number", 5.0),
        "max_failures": (["null", "integer"], None),
    }
    assert all(param["schema"]["title"] and param["description"] for param in params.values())
    # 'examples' of an array of strings is what makes the UI show a multi-select.
    profiles = params["profiles"]["schema"]
    assert {"archive-flac", "mobile-mp3", "podcast-opus", "voice-amr-nb"} <= set(profiles["examples"])
    assert profiles["values_display"].keys() == set(profiles["examples"])
    # Every Param reaches the operator that reads it.
    used = json.dumps(found["dags"][dag_id]["selection"])
    assert [name for name in params if f"params.{name}" not in used] == ["failure_threshold", "max_failures"]


def test_the_form_of_a_second_try(found: dict[str, Any]) -> None:
    params = found["dags"]["requeue_failed"]["params"]
    assert {name: (param["schema"]["type"], param["value"]) for name, param in params.items()} == {
        "failed_batch": (["null", "string"], None),
        "code": (["null", "string"], None),
        "profile": (["null", "string"], None),
        "dead": ("boolean", False),
        "attempts": ("integer", 1),
        "limit": (["null", "integer"], None),
        "failure_threshold": ("number", 5.0),
        "max_failures": (["null", "integer"], None),
    }
    assert all(param["schema"]["title"] and param["description"] for param in params.values())
    used = json.dumps(found["dags"]["requeue_failed"]["selection"])
    assert [name for name in params if f"params.{name}" not in used] == ["failure_threshold", "max_failures"]


def test_a_deployments_settings(loaded: list[dict[str, Any]]) -> None:
    found = loaded[1]
    assert (found["errors"], found["warnings"]) == ({}, {})
    dag = found["dags"]["nightly_audio_batch"]
    assert {name: dag["params"][name]["value"] for name in ("bucket", "prefix", "profiles", "exclude")} == {
        "bucket": "music",
        "prefix": "incoming/",
        "profiles": ["archive-flac", "podcast-opus"],
        "exclude": ["renditions/*", "tmp/*"],
    }
    assert (dag["selection"]["target_bucket"], dag["selection"]["staging_prefix"]) == ("renditions", "tmp/")
    assert dag["convert"] == {"smq_topic": "done", "smq_queue": "done-queue", "staging_prefix": "tmp/"}
    assert dag["await"] == {"smq_queue": "done-queue", "fail_on_error": False}
    assert dag["reports"] == "/srv/reports"
    assert (dag["schedule"], dag["timezone"]) == ("30 3 * * *", "Europe/Berlin")
