"""The demo, killed while conversions are in flight, and started again."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from oss_audio_core.audio_convert import FORMATS
from tools.demo.run import PROFILES
from tools.demo.samples import SAMPLES
from tools.stack import PROJECT_ROOT
from tools.stack.processes import ProcessGroup


def test_nothing_is_lost_or_submitted_twice_and_nothing_is_left_running(tmp_path: Path) -> None:
    run_dir, log = tmp_path / "demo", tmp_path / "first.log"
    command = [sys.executable, "-m", "tools.demo", "--run-dir", str(run_dir)]
    try:
        with (
            log.open("w") as output,
            subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=output, stderr=output) as first,
        ):
            end = time.monotonic() + 180
            while " submitted" not in log.read_text():
                assert first.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.1)
            first.kill()
        assert ProcessGroup(run_dir).recorded() != []

        again = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stdout + again.stderr
        assert "continuing the demo that was interrupted" in again.stdout
        assert ProcessGroup(run_dir).stop() == []
    finally:
        ProcessGroup(run_dir).stop()

    summary = json.loads(again.stdout.splitlines()[-1])
    good = sum(not sample.broken for sample in SAMPLES)
    assert summary["sources"] == len(SAMPLES)
    assert summary["published"] == good * len(PROFILES)
    assert summary["failed"] == (len(SAMPLES) - good) * len(PROFILES)
    assert summary["formats"] == sorted(FORMATS)
    # The cloud's own count, over both starts: each conversion was accepted once.
    assert summary["submitted"] == len(SAMPLES) * len(PROFILES)
    assert summary["submitted_again"] == 0
    secrets = json.loads((run_dir / "secrets.json").read_text())
    shown = log.read_text() + again.stdout + again.stderr
    assert not [name for name, secret in secrets.items() if secret in shown]
