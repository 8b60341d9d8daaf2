"""PostgreSQL from its wheel: a data folder, a server on it, and the user that runs it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tools.stack.errors import StackError
from tools.stack.ports import HOST, free_port
from tools.stack.wheels import postgresql_binary

ORDINARY_USER = "nobody"
"""The user that runs PostgreSQL for a root caller, since it refuses to run as root."""

SUPERUSER = "postgres"
START_SECONDS = 60.0


def ordinary_user() -> str | None:
    """The user that owns PostgreSQL's files and runs its processes; None for the caller, where that isn't root."""
    return ORDINARY_USER if os.geteuid() == 0 else None


def database_url(port: int, database: str = "postgres") -> str:
    """Return the SQLAlchemy URL of a database of the server on this port."""
    return f"postgresql+psycopg2://{SUPERUSER}@{HOST}:{port}/{database}"


def server_command(data: Path, port: int) -> list[str]:
    """Return the command of a server on a data folder; it makes no flushes, since its data needn't survive a crash."""
    return [postgresql_binary("postgres"), "-D", str(data), "-h", HOST, "-p", str(port), "-k", "", "-F"]


@contextmanager
def empty_data() -> Iterator[Path]:
    """Make a data folder, and remove it at the end of the block.

    Raises:
        StackError: initdb failed; the message has its output.
    """
    # Below the temporary folder, which an ordinary user can enter.
    folder = Path(tempfile.mkdtemp(prefix="postgresql-"))
    try:
        if user := ordinary_user():
            shutil.chown(folder, user)
        _initialise(folder / "data")
        yield folder / "data"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def serving(data: Path) -> Iterator[int]:
    """Run a server on a data folder until the block ends.

    Yields:
        Its port.

    Raises:
        StackError: it doesn't start; the message ends with its log.
    """
    port, log = free_port(), data.parent / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            server_command(data, port), user=ordinary_user(), stdout=output, stderr=subprocess.STDOUT, cwd=data.parent
        )
        try:
            _await(port, server, log)
            yield port
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()


def _initialise(data: Path) -> None:
    command = [postgresql_binary("initdb"), "-D", str(data), "-U", SUPERUSER, "--auth=trust", "--no-sync"]
    done = subprocess.run(
        [*command, "-E", "UTF8", "--locale=C"],
        user=ordinary_user(),
        capture_output=True,
        text=True,
        cwd=data.parent,
        check=False,
    )
    if done.returncode:
        raise StackError(f"initdb failed:\n{done.stderr.strip()}")


def _await(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    engine = sa.create_engine(database_url(port), poolclass=sa.NullPool)
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            engine.connect().close()
        except sa.exc.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                output = log.read_text(errors="replace").strip()
                raise StackError(f"PostgreSQL does not serve; its log:\n{output}") from None
            time.sleep(0.1)
        else:
            return
