"""Check that the compiled requirements still say what pyproject.toml asks for.

Recompiling with the present files as preference keeps every version that still fits, so a newer release on
the index changes nothing: the check fails only when pyproject.toml and the files disagree. Hashes are not
compared with the index for the same reason (a project may add a wheel to an old release). Every pin has some where the
file has hashes, and the same ones in every file.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tools.package_index import uv_environment
from tools.requirements_files import AIRFLOW, DEVELOPMENT, PROJECT_ROOT, REQUIREMENTS, RequirementsFile, compile_command

PYTHONS = ("3.11", "3.12", "3.13")
"""Versions that requirements.txt has to serve."""

PIN = re.compile(r"^(?P<pin>[A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]+\])?==[^\s;]+(?:\s*;[^\\]*)?)\s*(?P<more>\\?)$")
REMEDY = "run `make lock` and commit the result"


def problems() -> Iterator[str]:
    """Yield everything that is wrong with the compiled files, a line each."""
    for requirements in REQUIREMENTS:
        text = requirements.path.read_text()
        yield from unpinned(text, requirements.name, hashed=requirements.hashed)
        yield from stale(requirements)
    development = hashes(DEVELOPMENT.path.read_text())
    for requirements in REQUIREMENTS:
        if requirements.hashed:
            yield from differing(hashes(requirements.path.read_text()), development, requirements.name)
    for python in PYTHONS:
        yield from unresolvable(python)


def unpinned(text: str, name: str, *, hashed: bool) -> Iterator[str]:
    """Yield lines that are no exact pin, and pins without a hash in a file that has hashes."""
    pin: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.startswith("    --hash=sha256:"):
            pin = None
            continue
        if pin is not None and hashed:
            yield f"{name}: {pin} has no hash; {REMEDY}"
        match = PIN.match(line)
        pin = match["pin"].strip() if match else None
        if match is None:
            yield f"{name}:{number}: not an exact version: {line.strip()!r}; {REMEDY}"
    if pin is not None and hashed:
        yield f"{name}: {pin} has no hash; {REMEDY}"


def pins(text: str) -> set[str]:
    """Return the exact pins of a compiled file, markers included."""
    found = (PIN.match(line) for line in text.splitlines())
    return {" ".join(match["pin"].split()) for match in found if match}


def hashes(text: str) -> dict[str, set[str]]:
    """Return the hashes of a compiled file by name and version."""
    found: dict[str, set[str]] = {}
    current: set[str] = set()
    for line in text.splitlines():
        if match := PIN.match(line):
            current = found.setdefault(match["pin"].partition(";")[0].strip(), set())
        elif line.startswith("    --hash="):
            current.add(line.strip().removesuffix("\\").strip())
    return found


def differing(some: Mapping[str, set[str]], every: Mapping[str, set[str]], name: str) -> Iterator[str]:
    """Yield pins whose hashes are others than in the development file, which has all pins.

    An incomplete cache of uv gives the hashes of a part of a release's files.
    """
    for pin, own in some.items():
        if own != every.get(pin):
            again = f"run `uv cache clean`, delete {name} and {REMEDY}"
            yield f"{name}: {pin} has other hashes than in {DEVELOPMENT.name}; {again}"


def stale(requirements: RequirementsFile) -> Iterator[str]:
    """Yield pins that a compilation from pyproject.toml adds or drops."""
    with tempfile.TemporaryDirectory() as folder:
        again = Path(folder) / requirements.path.name
        shutil.copyfile(requirements.path, again)
        failure = _uv(compile_command(requirements, again))
        if failure:
            yield f"{requirements.name}: compiling it failed: {failure}"
            return
        old, new = pins(requirements.path.read_text()), pins(again.read_text())
    for pin in sorted(new - old):
        yield f"{requirements.name} is stale: pyproject.toml asks for {pin}; {REMEDY}"
    for pin in sorted(old - new):
        yield f"{requirements.name} is stale: nothing asks for {pin} any more; {REMEDY}"


def unresolvable(python: str) -> Iterator[str]:
    """Yield an error when the pins of requirements.txt don't fit together under one Python version."""
    requirements = AIRFLOW
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / requirements.path.name
        command = [sys.executable, "-m", "uv", "pip", "compile", str(requirements.path), "--quiet"]
        failure = _uv([*command, "--python-version", python, "--output-file", str(output)])
    if failure:
        yield f"{requirements.name} does not resolve for Python {python}: {failure}"


def _uv(command: list[str]) -> str | None:
    """Run uv from its cache, or with the index when the cache doesn't suffice; returns its error, if any."""
    env = uv_environment()
    done = subprocess.run(
        [*command, "--offline"], cwd=PROJECT_ROOT, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        done = subprocess.run(command, cwd=PROJECT_ROOT, env=env, capture_output=True, text=True, check=False)
    return done.stderr.strip() if done.returncode != 0 else None


if __name__ == "__main__":
    found = list(problems())
    print("\n".join(found) or "requirements are fresh and pinned, and resolve for Python " + ", ".join(PYTHONS))
    sys.exit(bool(found))
