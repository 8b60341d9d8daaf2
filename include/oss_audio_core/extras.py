"""The distribution's extras: which modules each one brings, and the sentence that names a missing one."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType

DISTRIBUTION = "airflow-provider-oss-audio"

MODULES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "local-cloud": ("httptools", "pydantic", "starlette", "uvicorn", "uvloop"),
        "parquet": ("pyarrow",),
        "postgres": ("psycopg2",),
    }
)
"""Modules that an extra brings and that the package imports."""


class MissingExtra(RuntimeError):
    """Something needs an extra that is not installed; the message has the line that installs it."""


def require(extra: str) -> None:
    """Check that an extra is installed, without importing it.

    Args:
        extra: a key of `MODULES`.

    Raises:
        MissingExtra: a module of it is absent.
    """
    absent = [name for name in MODULES[extra] if find_spec(name) is None]
    if absent:
        verb = "is" if len(absent) == 1 else "are"
        raise MissingExtra(f"{', '.join(absent)} {verb} not installed: pip install '{DISTRIBUTION}[{extra}]'")
