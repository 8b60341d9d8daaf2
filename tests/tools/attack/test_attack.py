"""A small attack on both databases: its neighbours are published; and a broken promise is found."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from oss_audio_core.pipeline import verifying
from tools.attack import run as running
from tools.attack.run import Limits, run
from tools.attack.wave import NEIGHBOURS, Amount


def test_neighbours_of_hostile_files_messages_and_keys_are_published(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = run(tmp_path, random.randrange(1 << 31), Limits(Amount(60, 40, 30)), print)
    assert findings.problems == []
    for database in ("SQLite", "PostgreSQL"):
        assert findings.counts[f"neighbours published on {database}"] == 2 * NEIGHBOURS
        assert findings.counts[f"files mutated on {database}"] == 60
        assert findings.counts[f"messages on {database}"] == 40
    assert "60 files, 40 messages, 30 keys on each database" in capsys.readouterr().out


def test_a_step_that_fails_for_one_file_is_a_broken_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = verifying.measure_source

    def raises(reader: Any, one: Any, *given: Any, **options: Any) -> Any:
        if one.key.endswith("neighbour-1.wav"):
            raise OSError("a decoder that is taken for the machine")
        return measure(reader, one, *given, **options)

    monkeypatch.setattr(verifying, "measure_source", raises)
    monkeypatch.setattr(running, "FORMATS", ())
    findings = run(tmp_path, 1, Limits(Amount(3, 0, 0)), print)
    assert len(findings.problems) == 2
    assert all("a step failed: OSError: " in problem for problem in findings.problems)
