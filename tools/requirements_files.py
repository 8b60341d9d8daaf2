"""Compile the requirements files from pyproject.toml: `make lock`.

`requirements.txt`, `requirements-dev.txt` and that of the oldest admitted Airflow are the lock. There is no uv.lock,
because it would record the address of one machine's package index. Every version is pinned. The development file, which
`make setup` installs, has hashes as well; the others have none, so that any pip can install them: several don't take
hashes together with the extras that Airflow's own requirements name.
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


@dataclass(frozen=True)
class RequirementsFile:
    """One compiled file.

    Attributes:
        name: path in the project.
        groups: dependency groups of pyproject.toml it contains besides the project's dependencies and extras.
        hashed: whether every pin has the hashes of its files.
    """

    name: str
    groups: tuple[str, ...]
    hashed: bool = False

    @property
    def path(self) -> Path:
        """Its path."""
        return PROJECT_ROOT / self.name


REQUIREMENTS = (
    RequirementsFile("requirements.txt", ("deployment",)),
    RequirementsFile("requirements-dev.txt", ("deployment", "dev"), hashed=True),
    RequirementsFile("tests/wheel/requirements-oldest.txt", ("oldest",)),
)


def compile_command(requirements: RequirementsFile, output: Path, *options: str) -> list[str]:
    """The `uv pip compile` command; versions that `output` already holds are kept while they still fit."""
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "pyproject.toml", "--all-extras", "--quiet"),
        *("--universal", "--python-version", OLDEST_PYTHON),
        *("--no-emit-index-url", "--no-annotate", "--custom-compile-command", "make lock"),
        *("--output-file", str(output)),
    ]
    for group in requirements.groups:
        command += ["--group", group]
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
