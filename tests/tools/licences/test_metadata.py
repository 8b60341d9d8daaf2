"""A package's licence is what its metadata says, where that is one SPDX expression."""

from __future__ import annotations

from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from license_expression import ExpressionError

from tools.licences.metadata import parsed, spdx_of


def made(folder: Path, *lines: str) -> Distribution:
    """A distribution with these lines in its metadata."""
    (folder / "METADATA").write_text("\n".join(["Metadata-Version: 2.4", "Name: a", "Version: 1", *lines, ""]))
    return Distribution.at(folder)


@pytest.mark.parametrize(
    ("lines", "licence"),
    [
        (["License-Expression: MIT OR apache-2.0"], "MIT OR Apache-2.0"),
        (["License-Expression: MIT", "License: something else"], "MIT"),
        (["License: BSD-3-Clause"], "BSD-3-Clause"),
        (
            ["License: Apache 2.0", "Classifier: License :: OSI Approved :: Apache Software License"],
            "Apache-2.0",
        ),
        (["Classifier: License :: OSI Approved :: MIT License", "Classifier: Typing :: Typed"], "MIT"),
        (["License: BSD", "Classifier: License :: OSI Approved :: BSD License"], None),
        (
            [
                "Classifier: License :: OSI Approved :: MIT License",
                "Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)",
            ],
            None,
        ),
        (["License-Expression: LicenseRef-Our-Own"], None),
        (["License: UNKNOWN"], None),
        ([], None),
    ],
)
def test_one_licence_or_none(tmp_path: Path, lines: list[str], licence: str | None) -> None:
    assert spdx_of(made(tmp_path, *lines)) == licence


def test_real_packages() -> None:
    assert spdx_of(distribution("av")) == "BSD-3-Clause"
    assert spdx_of(distribution("numpy")) == "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0"
    assert spdx_of(distribution("patool")) is None


def test_an_unknown_id_is_refused() -> None:
    with pytest.raises(ExpressionError):
        parsed("MIT AND No-Such-Licence")
