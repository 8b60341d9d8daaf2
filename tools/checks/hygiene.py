"""Check that the repository speaks of the product alone: no machine paths, index addresses or secrets."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

PROJECT_ROOT = Path(__file__).resolve().parents[2]


class Rule(NamedTuple):
    """Something that no tracked file may contain."""

    name: str
    pattern: re.Pattern[str]
    remedy: str


# Patterns that would match this file are put together from pieces.
RULES = (
    Rule(
        "package index",
        re.compile(r"(?:--(?:extra-)?index-url|--find-links|default-index)[= ]+\S*://|https?://[^\s'\"]*/simple\b"),
        "leave the index to the machine's own pip or uv configuration",
    ),
    Rule(
        "absolute path",
        re.compile(r"(?<![\w.}$~/:-])/(?:ho" + r"me|Us" + r"ers|wo" + r"rk|ro" + r"ot|mnt)/[\w.-]+"),
        "paths are relative to the project or come from a setting",
    ),
    Rule(
        "cloud access key",
        # A real key is random; one whose text says that it is an example is none.
        re.compile(
            r"\b(?!\w*\.?\w*(?:example|wrong|looking))(?:LTAI[a-z0-9]{12,}|STS\.[a-z0-9]{16,}|AKIA[a-z0-9]{16})\b",
            re.IGNORECASE,
        ),
        "use test keys such as testAK and testSK",
    ),
    Rule(
        "private key",
        re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY" + "-----"),
        "make keys at run time",
    ),
    Rule(
        "token",
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|xox[abp]-[A-Za-z0-9-]{10,}|eyJ[\w-]{20,}\.eyJ[\w-]{20,}\.)"),
        "make tokens at run time",
    ),
    Rule(
        "password in an address",
        # Variables, placeholders and reserved host names are no secrets.
        re.compile(
            r"[a-z][a-z0-9+]*://[\w.-]+:(?![$<{*]|(?:airflow|postgres|secret|password|test\w*|the-[\w-]+)@)"
            r"[^\s@/'\"]{8,}@(?![\w.-]*\bexample\.)"
        ),
        "take passwords from the environment",
    ),
)

GENERATED_FOLDERS = frozenset(
    {".venv", ".demo", ".stack", ".sdk", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}
    | {".import_linter_cache", "build", "dist"}
)
"""Folders that the project's own commands make; git ignores them."""

GENERATED = frozenset({"requirements.txt", "requirements-local-cloud.txt", "requirements-dev.txt"})
"""Compiled files: searched for index addresses only, the rest is hashes."""


def problems(name: str, text: str) -> Iterator[str]:
    """Yield what breaks a rule in one file, as `name:line: rule: remedy`; the text that was found is not repeated."""
    rules = [rule for rule in RULES if name not in GENERATED or rule.name == "package index"]
    for number, line in enumerate(text.splitlines(), start=1):
        for rule in rules:
            if rule.pattern.search(line):
                yield f"{name}:{number}: {rule.name}: {rule.remedy}"


def tracked_files(root: Path = PROJECT_ROOT) -> list[str]:
    """List the files that git tracks or would track; without a checkout, every file but generated ones."""
    if not (root / ".git").exists():
        return sorted(_files_without_git(root))
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(name for name in listing.stdout.split("\0") if name and (root / name).is_file())


def _files_without_git(root: Path) -> Iterator[str]:
    for path in root.rglob("*"):
        name = path.relative_to(root)
        made = any(part in GENERATED_FOLDERS or part.endswith(".egg-info") for part in name.parts)
        if path.is_file() and not made:
            yield name.as_posix()


def repository_problems(root: Path = PROJECT_ROOT) -> Iterator[str]:
    """Yield everything that breaks a rule in the repository at `root`; binary files are passed over."""
    for name in tracked_files(root):
        try:
            text = (root / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        yield from problems(name, text)


if __name__ == "__main__":
    found = list(repository_problems())
    print("\n".join(found) or "no machine paths, index addresses or secrets in the repository")
    sys.exit(bool(found))
