"""`oss-audio init`: the files a project starts from, beside those that are there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from oss_audio_core.audio_convert.profile_files import PROFILES_DIRECTORY
from oss_audio_core.extras import DISTRIBUTION
from oss_audio_core.package_data import data_folder

_PACKAGE = Path(__file__).resolve().parent
TEMPLATES = _PACKAGE / "project"
DAGS = data_folder(TEMPLATES / "dags", _PACKAGE.parents[1] / "dags")
"""The DAG files, the same that the repository runs."""

PROFILES = Path("include", "profiles")
"""Where a project keeps its profiles; Astro copies `include/` into its image."""

ASTRO_HOME = Path("/usr/local/airflow")
"""Where a project lies in Astro's image."""


_ASTRO_IMAGE = re.compile(r"^\s*FROM\s+\S*(?:astro-runtime|astrocrpublic\.azurecr\.io/runtime)", re.M | re.I)
"""The images of Astro's runtime, for Airflow 2 and 3."""


class ProjectError(RuntimeError):
    """A project can't be written there; the message is one line."""


@dataclass(frozen=True)
class WrittenProject:
    """What `write_project` did.

    Attributes:
        folder: the project.
        written: files that were made, relative to it.
        left: files that existed and were not changed.
        astro: whether it is an Astro project.
        requirement: the line that installs this version; None when requirements.txt has one.
    """

    folder: Path
    written: tuple[Path, ...]
    left: tuple[Path, ...]
    astro: bool
    requirement: str | None

    def summary(self) -> str:
        """What was written and left, and what to do next, for a person."""
        lines = [f"wrote {path}" for path in self.written]
        lines += [f"left {path}: it exists" for path in self.left]
        if self.requirement and self.astro:
            lines.append(f"add to {self.folder / 'requirements.txt'}:  {self.requirement}")
        lines.append(f"next: read {self.folder / 'oss-audio.md'}")
        return "\n".join(lines)


def write_project(folder: Path) -> WrittenProject:
    """Write DAG files, profiles, sample connections and a note into a project; no existing file changes.

    Args:
        folder: made when it is missing; may be an Airflow home or an Astro project.

    Raises:
        ProjectError: it is no folder, or can't be written to.
    """
    root = _root(folder)
    written: list[Path] = []
    left: list[Path] = []
    try:
        astro = _is_astro(root)
        requirement = None if _is_required(root / "requirements.txt") else _requirement()
        root.mkdir(parents=True, exist_ok=True)
        for name, content in _files(root, astro=astro):
            (written if _write_new(root / name, content) else left).append(name)
    except (FileExistsError, NotADirectoryError) as error:
        raise ProjectError(f"{error.filename} is a file, not a folder, or lies below one; name another DIR") from None
    except OSError as error:
        done = f" (written so far: {', '.join(map(str, written))})" if written else ""
        place = error.filename or root
        raise ProjectError(f"{place} can't be written or read: {error.strerror}{done}; name another DIR") from None
    return WrittenProject(root, tuple(written), tuple(left), astro, requirement)


def _root(folder: Path) -> Path:
    """The absolute folder, where its name can stand in a file of settings.

    Raises:
        ProjectError: no account has that home, or a setting can't hold its name.
    """
    try:
        root = folder.expanduser().absolute()
        text = str(root).encode().decode()
    except RuntimeError as error:
        raise ProjectError(f"DIR can't be used: {error}; name another one") from None
    except UnicodeError:
        raise ProjectError(
            "DIR can't be used: its name is no text in this locale; set LC_ALL=C.UTF-8, or name another one"
        ) from None
    if re.search(r"[\x00-\x1f\x7f']", text):
        raise ProjectError(f"{text!r} has an apostrophe or a control character, which no file of settings holds")
    return root


def _write_new(path: Path, content: str) -> bool:
    """Write a file that does not exist yet, whole or not at all.

    Returns:
        Whether it was written; False: there is one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(content, encoding="utf-8")
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    return True


def _files(root: Path, *, astro: bool) -> Iterator[tuple[Path, str]]:
    for file in sorted(DAGS.glob("*.py")):
        yield Path("dags", file.name), file.read_text(encoding="utf-8")
    for file in sorted(PROFILES_DIRECTORY.glob("*.yaml")):
        yield PROFILES / file.name, file.read_text(encoding="utf-8")
    # A container reaches a service of its host by this name, which Docker Desktop and Astro's CLI define.
    values = {
        "{{cloud}}": "host.docker.internal" if astro else "127.0.0.1",
        "{{profiles}}": str((ASTRO_HOME if astro else root) / PROFILES),
        "{{install}}": (
            f"`requirements.txt` has to contain `{_requirement()}`."
            if astro
            else f"Every Airflow process needs the package: `pip install '{_requirement()}'`."
        ),
    }
    for file in sorted(TEMPLATES.glob("oss-audio.*")):
        text = file.read_text(encoding="utf-8")
        for name, value in values.items():
            text = text.replace(name, value)
        yield Path(file.name), text


def _is_astro(root: Path) -> bool:
    """Whether Astro's CLI made the project: its folder of settings, or an image built on Astro's runtime."""
    if (root / ".astro").is_dir():
        return True
    dockerfile = root / "Dockerfile"
    return dockerfile.is_file() and bool(_ASTRO_IMAGE.search(dockerfile.read_text(encoding="utf-8", errors="replace")))


def _requirement() -> str:
    return f"{DISTRIBUTION}[postgres,parquet]=={version(DISTRIBUTION)}"


def _is_required(requirements: Path) -> bool:
    if not requirements.is_file():
        return False
    lines = requirements.read_text(encoding="utf-8", errors="replace").splitlines()
    names = (re.match(r"[A-Za-z0-9._-]+", line.strip()) for line in lines)
    return any(re.sub(r"[-_.]+", "-", name[0]).lower() == DISTRIBUTION for name in names if name)
