"""The licence of an installed distribution as an SPDX expression, out of its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import Distribution
from types import MappingProxyType

from boolean.boolean import Expression
from license_expression import ExpressionError, get_spdx_licensing

SPDX = get_spdx_licensing()

CLASSIFIERS: Mapping[str, str] = MappingProxyType(
    {
        "Apache Software License": "Apache-2.0",
        "ISC License (ISCL)": "ISC",
        "MIT License": "MIT",
        "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
        "Python Software Foundation License": "PSF-2.0",
        "The Unlicense (Unlicense)": "Unlicense",
    }
)
"""Classifiers that mean one licence. `BSD License` and those of the GNU project leave open which one."""


def spdx_of(distribution: Distribution) -> str | None:
    """The SPDX expression of a distribution's metadata; None: the metadata doesn't name exactly one."""
    metadata = distribution.metadata
    for field in ("License-Expression", "License"):
        if field in metadata and (expression := normalised(metadata[field])):
            return expression
    named = [one.rpartition(" :: ")[2] for one in metadata.get_all("Classifier") or () if one.startswith("License ::")]
    return CLASSIFIERS.get(named[0]) if len(named) == 1 else None


def normalised(text: str) -> str | None:
    """An SPDX expression in its usual spelling; None: it is none."""
    try:
        return str(parsed(text)) if text.strip() else None
    except ExpressionError:
        return None


def parsed(expression: str) -> Expression:
    """An SPDX expression as a tree.

    Raises:
        ExpressionError: it is none, or has an unknown id.
    """
    tree: Expression = SPDX.parse(expression, validate=True, strict=True)
    return tree
