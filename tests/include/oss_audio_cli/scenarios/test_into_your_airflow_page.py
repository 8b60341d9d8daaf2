"""The lines of the page *Into your Airflow* that can be run without an index are run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[4] / "docs" / "into-your-airflow.md").read_text(encoding="utf-8")


def shell_lines(heading: str) -> str:
    """The first block of shell lines below a heading."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    found = re.search(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("requirements", ["pandas\n", "pandas"])
def test_an_astro_project_gets_its_files_requirement_and_settings(tmp_path: Path, requirements: str) -> None:
    (tmp_path / ".astro").mkdir()
    (tmp_path / ".env").write_text("MINE=1\n")
    (tmp_path / "requirements.txt").write_text(requirements)
    env = os.environ | {"PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    subprocess.run(["bash", "-e"], input=shell_lines("Astro project"), text=True, check=True, cwd=tmp_path, env=env)
    assert (tmp_path / "dags" / "nightly_audio_batch.py").is_file()
    assert (tmp_path / ".env").read_text().startswith("MINE=1\n")
    assert "OSS_AUDIO_PROFILE_FOLDER='/usr/local/airflow/include/profiles'" in (tmp_path / ".env").read_text()
    first, *_, last = (tmp_path / "requirements.txt").read_text().splitlines()
    assert first == "pandas"
    assert last.startswith("airflow-provider-oss-audio[")


def test_every_pinned_version_is_this_one() -> None:
    pins = re.findall(r"airflow-provider-oss-audio\S*==([0-9.]+)", PAGE)
    assert pins
    assert set(pins) == {version("airflow-provider-oss-audio")}
