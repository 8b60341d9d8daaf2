"""A short run against the real service."""

from __future__ import annotations

from pathlib import Path

from tools.chaos_cloud.run import run

SEED = 7


def test_a_run_over_one_kill_breaks_no_promise(tmp_path: Path):
    summary = run(tmp_path / "data", kills=1, seed=SEED, say=lambda line: None)
    assert summary.findings.problems == []
    assert summary.findings.counts["PUTs acknowledged"] > 0
