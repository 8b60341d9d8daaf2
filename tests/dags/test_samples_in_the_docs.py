"""The DAGs that the README and the pages show load as they stand there, and keep to this deployment's settings."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BATCH = ["export", "list", "plan", "report", "shard.await", "shard.convert", "shard.publish", "shard.verify"]

PROGRAM = """
import json, sys
import pendulum
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import DataInterval, TimeRestriction

found = DagBag(sys.argv[1])
tasks = {name: sorted(task.task_id for task in dag.tasks) for name, dag in found.dags.items()}
by_night = DagSerialization.from_dict(DagSerialization.to_dict(found.dags["voice_by_night"]))
weeks_ago = DataInterval(*(pendulum.datetime(2026, 11, day, 18) for day in (4, 5)))
restriction = TimeRestriction(by_night.start_date, None, by_night.catchup)
following = by_night.timetable.next_dagrun_info(last_automated_data_interval=weeks_ago, restriction=restriction)
night = found.dags["voice_archive"]
submits = [vars(night.get_task("shard.convert")), vars(found.dags["one_file"].get_task("convert"))]
print(json.dumps({
    "errors": found.import_errors,
    "tasks": tasks,
    "after a pause": [str(following.data_interval.start), str(following.data_interval.end)],
    "runs at once": night.max_active_runs,
    "tries again": [task.task_id for task in night.tasks if task.retries],
    "not a source": [getattr(night.get_task("list"), name) for name in ("staging_prefix", "catalogue_prefix")],
    "convert": [[one[name] for name in ("staging_prefix", "max_in_flight")] for one in submits],
    "await": night.get_task("shard.await").smq_queue,
    "export": [getattr(night.get_task("export"), name) for name in ("catalogue_prefix", "manifests")],
    "report": night.get_task("report").reports,
}))
"""
"""A process of its own, as the DAG processor is one."""


def test_they_load(tmp_path: Path) -> None:
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    blocks = [
        block for page in pages for block in BLOCK.findall(page.read_text(encoding="utf-8")) if "with DAG(" in block
    ]
    folder = tmp_path / "dags"
    folder.mkdir()
    for number, block in enumerate(blocks):
        (folder / f"sample_{number}.py").write_text(block, encoding="utf-8")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "OSS_AUDIO"))},
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "PYTHONPATH": str(ROOT),
        "OSS_AUDIO_STAGING_PREFIX": "tmp/",
        "OSS_AUDIO_CATALOGUE_PREFIX": "sums/",
        "OSS_AUDIO_MANIFESTS": "on",
        "OSS_AUDIO_MAX_IN_FLIGHT": "7",
        "OSS_AUDIO_QUEUE": "done",
        "OSS_AUDIO_REPORTS": "/srv/reports",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)], env=environment, capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert loaded["errors"] == {}
    assert loaded["tasks"] == {
        "one_file": ["convert", "wait"],
        "new_renditions": ["look"],
        "voice_archive": BATCH,
        "voice_by_night": BATCH,
    }
    # None is passed over.
    assert loaded["after a pause"] == ["2026-11-05 18:00:00+00:00", "2026-11-06 18:00:00+00:00"]
    # As the shipped night: one run at a time, and every task outlasts an outage.
    assert loaded["runs at once"] == 1
    assert sorted(loaded["tries again"]) == BATCH
    # Folders and limits of all batches and single conversions of a deployment.
    assert loaded["not a source"] == ["tmp/", "sums/"]
    assert loaded["convert"] == [["tmp/", 7], ["tmp/", 7]]
    assert (loaded["await"], loaded["export"], loaded["report"]) == ("done", ["sums/", True], "/srv/reports")
