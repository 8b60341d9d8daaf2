"""A program that reads hostile files gets neither the service's credentials nor its open files."""

from __future__ import annotations

from pathlib import Path

import pytest

from oss_local_cloud.imm.engine.process import Allowance, run

ALLOWANCE = Allowance(cpu_seconds=10, wall_seconds=20, memory_bytes=1 << 30, file_bytes=1 << 20)


async def test_a_child_sees_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("LOCAL_CLOUD_ACCESS_KEY_SECRET", "AIRFLOW_CONN_AUDIO_CATALOGUE", "OSS_ACCESS_KEY_SECRET"):
        monkeypatch.setenv(name, "canary-secret")
    finished = await run(["/usr/bin/env"], ALLOWANCE, tmp_path)
    assert finished.returncode == 0
    assert "PATH=" in finished.stdout
    assert "canary" not in finished.stdout


async def test_a_child_has_no_open_file_of_the_service(tmp_path: Path) -> None:
    with (tmp_path / "catalogue").open("w"):
        finished = await run(["/bin/ls", "-l", "/proc/self/fd"], ALLOWANCE, tmp_path)
    assert finished.returncode == 0
    assert "catalogue" not in finished.stdout
