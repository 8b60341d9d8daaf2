"""The compiled requirements are pinned and hashed, and the check finds when they no longer fit pyproject.toml."""

from __future__ import annotations

from itertools import pairwise

from tools.checks.stale_requirements import pins, unpinned
from tools.requirements_files import REQUIREMENTS, compile_command

HASH = "    --hash=sha256:" + "0" * 64


def test_the_projects_files_are_exact_and_the_development_file_is_hashed() -> None:
    for requirements in REQUIREMENTS:
        text = requirements.path.read_text()
        assert list(unpinned(text, requirements.name, hashed=requirements.hashed)) == []
        assert len(pins(text)) > 100


def test_the_development_file_contains_the_product_file() -> None:
    product, development, _ = (pins(requirements.path.read_text()) for requirements in REQUIREMENTS)
    assert product < development


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


def groups(command: list[str]) -> set[str]:
    return {value for flag, value in pairwise(command) if flag == "--group"}


def test_compiling_covers_every_python_version_at_once_and_writes_no_index() -> None:
    product, development, _ = REQUIREMENTS
    command = compile_command(development, development.path)
    assert {"--universal", "--no-emit-index-url"} <= set(command)
    assert groups(command) == {"deployment", "dev"}
    command = compile_command(product, product.path)
    assert groups(command) == {"deployment"}
    assert "--all-extras" in command


def test_plain_pip_may_install_the_product_file() -> None:
    # Hashes would make pip 23 refuse the extras that Airflow's own requirements name.
    product, development, _ = REQUIREMENTS
    assert "--hash" not in product.path.read_text()
    assert "--hash" in development.path.read_text()
