"""The plugin comes by the distribution's entry point, and once, whatever lies in the plugins folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

PROBE = """
import json, sys
from airflow import plugins_manager
from airflow.providers_manager import ProvidersManager
plugins, errors = plugins_manager._get_plugins()
files = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
print("RESULT " + json.dumps({
    "plugins": [p.name for p in plugins],
    "links": [type(link).__name__ for p in plugins for link in p.operator_extra_links],
    "errors": errors,
    "links of providers": ProvidersManager().extra_links_class_names,
    "modules": {n: f for n, f in files.items() if "/plugins/" in f and "site-packages" not in f},
}))
"""


@pytest.mark.parametrize("folder", ["ours", "empty"])
def test_the_plugin_loads_once_and_nothing_runs_under_a_bare_name(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    environment = os.environ | {
        "AIRFLOW_HOME": str(tmp_path),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins" if folder == "ours" else tmp_path / "empty"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROBE], capture_output=True, text=True, check=True, env=environment, cwd=tmp_path
    )
    line = next(text for text in done.stdout.splitlines() if text.startswith("RESULT "))
    result = json.loads(line.removeprefix("RESULT "))
    assert result["plugins"].count("oss_audio") == 1
    assert result["errors"] == {}
    assert result["links"] == ["OSSConsoleLink"]
    assert "oss_audio.links.OSSConsoleLink" in result["links of providers"]
    names = set(result["modules"])
    assert {name for name in names if not name.startswith("oss_audio.")} == {"oss_audio"}


def test_no_module_lies_at_the_top_of_the_plugins_folder() -> None:
    assert list((ROOT / "plugins").glob("*.py")) == []
