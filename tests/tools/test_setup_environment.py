"""The environment that `make setup` makes: of the Python that runs it, and no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import setup_environment


def stand_in(environment: Path, version: str) -> Path:
    """An environment whose Python says that it has this version, and can do nothing else."""
    python = environment / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\necho {version}\n")
    python.chmod(0o755)
    return python


def test_the_version_is_that_of_the_program_that_is_there(tmp_path: Path) -> None:
    assert setup_environment._version(Path(sys.executable)) == sys.version_info[:2]
    assert setup_environment._version(stand_in(tmp_path / "other", "3 9")) == (3, 9)
    assert setup_environment._version(stand_in(tmp_path / "odd", "no numbers here")) is None
    assert setup_environment._version(tmp_path / "missing") is None


def test_an_environment_of_another_python_is_made_anew_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = tmp_path / "environment"
    python = stand_in(environment, "3 9")
    left = environment / "left-over"
    left.touch()
    pip = setup_environment._make(environment, python)
    assert "environment has Python 3.9: making it anew" in capsys.readouterr().out
    assert not left.exists()
    assert setup_environment._version(python) == sys.version_info[:2]
    assert subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode == 0
    setup_environment._make(environment, python)
    assert capsys.readouterr().out == ""
