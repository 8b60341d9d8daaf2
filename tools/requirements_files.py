"""Compile the requirements files from pyproject.toml: `make lock`.

The files below are the lock. There is no uv.lock, because it would record the address of one machine's package index.
Every version is pinned, and every file that is installed somewhere has the hashes of its packages. What the local cloud
needs stands in a file of its own: FFmpeg is under the GPL, and no Airflow process runs it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.package_index import uv_environment

PROJECT_ROOT = Path(__file__).resolve().parents[1]
OLDEST_PYTHON = "3.11"
"""Lower end of the range that the resolution covers; `requires-python` in pyproject.toml has the upper."""


AIRFLOW_EXTRAS = ("airflow", "parquet", "postgres")
"""The project's extras for Airflow processes."""


@dataclass(frozen=True)
class RequirementsFile:
    """One compiled file.

    Attributes:
        name: path in the project.
        groups: dependency groups of pyproject.toml it contains besides the project's dependencies.
        extras: of the project.
        hashed: whether every pin has the hashes of its files.
        constraints: name of another compiled file, whose versions hold here too.
    """

    name: str
    groups: tuple[str, ...] = ()
    extras: tuple[str, ...] = AIRFLOW_EXTRAS
    hashed: bool = True
    constraints: str | None = None

    @property
    def path(self) -> Path:
        """Its path."""
        return PROJECT_ROOT / self.name


AIRFLOW = RequirementsFile("requirements.txt", ("deployment",))
"""What every Airflow process of this deployment has."""

LOCAL_CLOUD = RequirementsFile("requirements-local-cloud.txt", extras=("local-cloud",), constraints=AIRFLOW.name)
"""What the local cloud has."""

DEVELOPMENT = RequirementsFile("requirements-dev.txt", ("deployment", "dev"), (*AIRFLOW_EXTRAS, "local-cloud"))
"""What `make setup` installs: all of it, and the tools."""

OLDEST = RequirementsFile("tests/wheel/requirements-oldest.txt", ("oldest",), hashed=False)
"""The oldest admitted Airflow, as constraints of a test."""

REQUIREMENTS = (AIRFLOW, LOCAL_CLOUD, DEVELOPMENT, OLDEST)
"""In the order in which they are compiled."""


def compile_command(requirements: RequirementsFile, output: Path, *options: str) -> list[str]:
    """The `uv pip compile` command; versions that `output` already holds are kept while they still fit."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--quiet"),
        *("--universal", "--python-version", OLDEST_PYTHON),
        *("--no-emit-index-url", "--no-annotate", "--custom-compile-command", "make lock"),
        *("--output-file", str(output)),
    ]
    for flag, names in (("--group", requirements.groups), ("--extra", requirements.extras)):
        command += [word for name in names for word in (flag, name)]
    if requirements.constraints:
        command += ["--constraints", requirements.constraints]
    if requirements.hashed:
        command.append("--generate-hashes")
    return [*command, *options]


def lock(*, upgrade: bool = False) -> None:
    """Compile the files, newer versions allowed with `upgrade`.

    Raises:
        subprocess.CalledProcessError: nothing fits, or no index was reachable; uv has printed which.
    """
    options = ["--upgrade"] if upgrade else []
    env = uv_environment()
    for requirements in REQUIREMENTS:
        subprocess.run(
            compile_command(requirements, requirements.path, *options), cwd=PROJECT_ROOT, env=env, check=True
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="make lock", description=__doc__)
    parser.add_argument("--upgrade", action="store_true", help="take newer versions where they fit")
    try:
        lock(upgrade=parser.parse_args().upgrade)
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
