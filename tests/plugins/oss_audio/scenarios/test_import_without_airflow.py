"""The package names what is missing where Airflow is absent or too old."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import importlib.metadata as metadata
import sys

versions = dict(pair.split("=") for pair in sys.argv[1:])
real = metadata.version

def version(name):
    if name in ("apache-airflow", "apache-airflow-core"):
        if name not in versions:
            raise metadata.PackageNotFoundError(name)
        return versions[name]
    return real(name)

metadata.version = version
import oss_audio
print("imported")
"""


def import_with(folder: Path, *versions: str) -> subprocess.CompletedProcess[str]:
    """Import the package in a process of its own, where the distributions of Airflow have these versions."""
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *versions], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("version", ["3.2.0", "3.2.0rc1", "3.3.2", "4.0.0"])
def test_an_admitted_airflow_is_taken(tmp_path: Path, version: str) -> None:
    done = import_with(tmp_path, f"apache-airflow={version}", f"apache-airflow-core={version}")
    assert done.stdout == "imported\n", done.stderr


@pytest.mark.parametrize("versions", [["apache-airflow=2.11.2"], ["apache-airflow=3.1.8", "apache-airflow-core=3.1.8"]])
def test_an_older_airflow_is_named_with_the_version_that_is_needed(tmp_path: Path, versions: list[str]) -> None:
    done = import_with(tmp_path, *versions)
    found = versions[0].partition("=")[2]
    assert done.returncode != 0
    assert done.stderr.rstrip().endswith(
        f"airflow-provider-oss-audio needs Airflow 3.2 or newer and this is Airflow {found}: upgrade Airflow, such as "
        "pip install 'apache-airflow>=3.2'"
    )


def test_without_airflow_the_extra_is_named(tmp_path: Path) -> None:
    done = import_with(tmp_path)
    assert done.returncode != 0
    assert done.stderr.rstrip().endswith("pip install 'airflow-provider-oss-audio[airflow]'")
