"""The Makefile: its list of targets, and a clear message when Python is missing or too old."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.stack import PROJECT_ROOT


def make(folder: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run make as from a shell, without the variables of the `make test PYTHON=…` that may run this test."""
    inherited = {"MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "MFLAGS", "PYTHON"}
    environment = {name: value for name, value in os.environ.items() if name not in inherited}
    if path is not None:
        environment["PATH"] = path
    return subprocess.run(
        ["make", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_make_alone_lists_every_target() -> None:
    text = (PROJECT_ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    shown = re.findall(r"^  make (\S+)", make(PROJECT_ROOT).stdout, re.MULTILINE)
    assert shown == phony.split()


def empty_project(folder: Path, python: str) -> Path:
    """A clone without an environment, and a stand-in for Python that runs the shell script `python`."""
    for name in ("Makefile", "pyproject.toml", "requirements-dev.txt"):
        shutil.copy(PROJECT_ROOT / name, folder)
    shutil.copytree(PROJECT_ROOT / "tools", folder / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    program = folder / "some-python"
    program.write_text(f"#!/bin/sh\n{python}\n")
    program.chmod(0o755)
    return program


SAYS = """echo "$@" >> calls
case "$*" in
*print*) echo {version};;
*setup_environment*) mkdir -p .venv/bin; ln -sf "$0" .venv/bin/python;;
esac"""
"""A stand-in for Python: it notes what it is asked for, prints its version, and makes itself the environment's."""


def test_an_old_python_is_refused_with_the_remedy(tmp_path: Path) -> None:
    old = empty_project(tmp_path, '[ "$1" = --version ] && echo "Python 3.9.18" || exit 1')
    done = make(tmp_path, "setup", f"PYTHON={old}")
    assert done.returncode != 0
    assert "Python 3.9.18. Python 3.11 to 3.13 is needed: make setup PYTHON=" in done.stderr
    assert not (tmp_path / ".venv").exists()


def test_a_missing_python_is_named(tmp_path: Path) -> None:
    empty_project(tmp_path, "exit 1")
    done = make(tmp_path, "setup", "PYTHON=no-such-python")
    assert "no-such-python was not found" in done.stderr


def test_the_second_setup_does_nothing(tmp_path: Path) -> None:
    # Stands in for Python: notes what it is asked for, and makes the environment that set-up would make.
    python = empty_project(tmp_path, 'echo "$@" >> calls; [ "$1" = -m ] && mkdir -p .venv; exit 0')
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(python)
    for _ in range(2):
        assert make(tmp_path, "setup", path=path).returncode == 0
        calls = (tmp_path / "calls").read_text()
        assert calls.endswith("-m tools.setup_environment\n")
        assert calls.count("-m") == 1


def test_a_python_that_is_asked_for_by_name_is_only_asked_for_its_version(tmp_path: Path) -> None:
    python = empty_project(tmp_path, SAYS.format(version="3.13"))
    assert make(tmp_path, "setup", f"PYTHON={python}").returncode == 0
    assert make(tmp_path, "setup", f"PYTHON={python}").returncode == 0
    assert (tmp_path / "calls").read_text().count("tools.setup_environment") == 1


def test_the_environment_of_another_python_is_made_anew(tmp_path: Path) -> None:
    first = empty_project(tmp_path, SAYS.format(version="3.11"))
    assert make(tmp_path, "setup", f"PYTHON={first}").returncode == 0
    other = tmp_path / "other-python"
    other.write_text("#!/bin/sh\n" + SAYS.format(version="3.13") + "\n")
    other.chmod(0o755)
    assert make(tmp_path, "setup", f"PYTHON={other}").returncode == 0
    assert (tmp_path / "calls").read_text().count("tools.setup_environment") == 2
    assert make(tmp_path, "setup").returncode == 0  # without a name, the one that is there serves
    assert (tmp_path / "calls").read_text().count("tools.setup_environment") == 2


def test_a_changed_list_of_dependencies_is_installed(tmp_path: Path) -> None:
    python = empty_project(tmp_path, 'echo "$@" >> calls; [ "$1" = -m ] && mkdir -p .venv; exit 0')
    make(tmp_path, "setup", f"PYTHON={python}")
    stamp = tmp_path / ".venv/.ready"
    os.utime(stamp, (0, 0))
    make(tmp_path, "setup", f"PYTHON={python}")
    assert (tmp_path / "calls").read_text().count("tools.setup_environment") == 2
