"""Which packages the project needs, and what each of them is needed by."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.requirements_files import DEVELOPMENT, PROJECT_ROOT

CORE = "the package"
DEPLOYMENT, DEV = "deployment", "development"

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)(?:\s*;\s*([^\\]+))?", re.MULTILINE)


@dataclass(frozen=True)
class Pin:
    """One line of a requirements file: a name, its version, and the marker of the environments it is for."""

    name: str
    version: str
    marker: str


def pins(text: str) -> list[Pin]:
    """The pins of a compiled requirements file."""
    return [Pin(str(canonicalize_name(name)), version, marker.strip()) for name, version, marker in PIN.findall(text)]


def locked_names() -> set[str]:
    """Every package that is locked, for whatever Python and platform."""
    return {pin.name for pin in pins(DEVELOPMENT.path.read_text(encoding="utf-8"))}


@cache
def needed_by() -> Mapping[str, frozenset[str]]:
    """What each package is needed by: the package itself, its extras, the deployment, or development.

    Only what is installed is followed: a package for another Python or platform is not in it.
    """
    project = tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    found: dict[str, set[str]] = {}
    for origin, requirements in _origins(project):
        for name in _closure(map(Requirement, requirements)):
            found.setdefault(name, set()).add(origin)
    # An extra brings the package's own requirements with it, and development everything.
    core = {name for name, origins in found.items() if CORE in origins}
    return {name: frozenset({CORE} if name in core else origins - {DEV} or {DEV}) for name, origins in found.items()}


def _origins(project: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    yield CORE, project["project"]["dependencies"]
    yield from project["project"]["optional-dependencies"].items()
    yield DEPLOYMENT, project["dependency-groups"]["deployment"]
    yield DEV, project["dependency-groups"]["dev"]


def _closure(requirements: Iterable[Requirement]) -> set[str]:
    """The installed packages that requirements lead to, extras included."""
    found: set[str] = set()
    seen: set[tuple[str, str]] = set()
    waiting = [(one, "") for one in requirements]
    while waiting:
        requirement, extra = waiting.pop()
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = str(canonicalize_name(requirement.name))
        try:
            installed = distribution(name)
        except PackageNotFoundError:
            continue
        found.add(name)
        for wanted in ("", *requirement.extras):
            if (name, wanted) not in seen:
                seen.add((name, wanted))
                waiting += [(Requirement(text), wanted) for text in installed.requires or ()]
    return found
