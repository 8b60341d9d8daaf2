"""Each task of a DAG imports what the DAG file imports: libraries that one step needs are imported by that step."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import airflow.sdk, sys
before = set(sys.modules)
import oss_audio.batch_pipeline, oss_audio.batch_params, oss_audio.triggers.shard
print(*sorted({"av", "numpy", "pyarrow", "oss2", "alibabacloud_oss_v2"} & (set(sys.modules) - before)))
"""


def test_the_chain_of_a_batch_imports_neither_audio_libraries_nor_sdks() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
