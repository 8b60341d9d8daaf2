"""The DAGs that the README shows load as they stand there."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)

#: A process of its own, as the DAG processor is one.
PROGRAM = """
import json, sys
from airflow.dag_processing.dagbag import DagBag

found = DagBag(sys.argv[1])
tasks = {name: sorted(task.task_id for task in dag.tasks) for name, dag in found.dags.items()}
print(json.dumps({"errors": found.import_errors, "tasks": tasks}))
"""


def test_they_load(tmp_path: Path) -> None:
    blocks = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
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
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)], env=environment, capture_output=True, text=True, check=True
    )
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert loaded["errors"] == {}
    assert loaded["tasks"] == {
        "one_file": ["convert", "wait"],
        "voice_archive": ["await", "catalogue", "convert", "export", "list", "plan", "report", "verify"],
    }
