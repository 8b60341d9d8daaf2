"""`oss-audio init`: the files a project starts from, beside those that are there."""

from __future__ import annotations

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
    root = folder.expanduser().absolute()
    astro = _is_astro(root)
    written: list[Path] = []
    left: list[Path] = []
    try:
        root.mkdir(parents=True, exist_ok=True)
        for name, content in _files(root, astro=astro):
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with path.open("x", encoding="utf-8") as file:
                    file.write(content)
            except FileExistsError:
                left.append(name)
            else:
                written.append(name)
    except (FileExistsError, NotADirectoryError) as error:
        raise ProjectError(f"{error.filename} is a file, not a folder; name another DIR") from None
    except OSError as error:
        raise ProjectError(f"{error.filename or root} can't be written: {error.strerror}; name another DIR") from None
    requirement = None if _is_required(root / "requirements.txt") else _requirement()
    return WrittenProject(root, tuple(written), tuple(left), astro, requirement)


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
    return dockerfile.is_file() and "astro-runtime" in dockerfile.read_text(encoding="utf-8", errors="replace")


def _requirement() -> str:
    return f"{DISTRIBUTION}=={version(DISTRIBUTION)}"


def _is_required(requirements: Path) -> bool:
    if not requirements.is_file():
        return False
    lines = requirements.read_text(encoding="utf-8", errors="replace").splitlines()
    return any(line.strip().lower().replace("_", "-").startswith(DISTRIBUTION) for line in lines)
