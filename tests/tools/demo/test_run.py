"""A folder has one demo at a time; a demo that ended leaves no lock."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tools.demo.run import DemoError, run_demo
from tools.stack import PROJECT_ROOT

HOLD = "import fcntl, os, sys; f = os.open(sys.argv[1], os.O_RDONLY); fcntl.flock(f, fcntl.LOCK_EX); print(); input()"


def test_a_second_demo_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=PROJECT_ROOT
    )
    with first:
        assert first.stdout is not None
        first.stdout.readline()
        with pytest.raises(DemoError, match=r"another demo of .*demo is running"):
            run_demo(tmp_path / "demo", Console(file=io.StringIO()))
        first.kill()
    assert list(tmp_path.iterdir()) == []
