"""The plain DAG has the shape that the comparison claims."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.against_plain import PLAIN_DAG, plain_settings
from benchmarks.airflow_stack import Workload

PROGRAM = """
import json, sys
from airflow.dag_processing.dagbag import DagBag

bag = DagBag(sys.argv[1])
(dag,) = bag.dags.values()
wait = dag.get_task("wait")
print("RESULT " + json.dumps({
    "errors": bag.import_errors,
    "dag": dag.dag_id,
    "graph": {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks},
    "mapped": sorted(task.task_id for task in dag.tasks if task.is_mapped),
    "sensor": wait.operator_class.__module__ + "." + wait.operator_class.__name__,
    "wait": {name: wait.partial_kwargs.get(name) for name in ("mode", "poke_interval", "bucket_name")},
}))
"""


def test_the_plain_dag_has_one_submit_and_one_sensor_of_the_provider_for_each_file(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OSS_AUDIO_", "AIRFLOW"))}
    settings = plain_settings(Workload(5000), 3000)
    environment |= {"AIRFLOW_HOME": str(tmp_path), "AIRFLOW__CORE__LOAD_EXAMPLES": "False", **settings}
    command = [sys.executable, "-c", PROGRAM, str(PLAIN_DAG)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.rpartition("RESULT ")[2])
    assert found == {
        "errors": {},
        "dag": "plain_conversions",
        "graph": {"list_sources": [], "submit": ["list_sources"], "wait": ["submit"]},
        "mapped": ["submit", "wait"],
        "sensor": "airflow.providers.alibaba.cloud.sensors.oss_key.OSSKeySensor",
        "wait": {"mode": "reschedule", "poke_interval": 60, "bucket_name": "media"},
    }
    assert settings["AIRFLOW__CORE__MAX_MAP_LENGTH"] == "3000"
    assert settings["PLAIN_CONVERT"] == "audio/convert,f_mp3,ar_44100,ac_2,ab_128000"
