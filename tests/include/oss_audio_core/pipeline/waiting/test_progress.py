"""The lines of progress in the log: their words, and when one is due."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from oss_audio_core.pipeline.waiting import progress
from oss_audio_core.pipeline.waiting.progress import Progress, ProgressLogger


def test_progress_has_a_rate_a_time_left_and_remarks(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    logger = ProgressLogger()
    logger.on_progress(Progress(100, 0, 0, 0))
    assert logger.line(Progress(100, 0, 0, 0)) == "0 converted, 0 failed, 100 in flight"
    clock[0] += 120
    logger.on_progress(Progress(60, 39, 1, 0))
    line = logger.line(Progress(60, 39, 1, 0), "3 messages of others")
    assert line == "39 converted, 1 failed, 60 in flight, 20 a minute, about 3 min left; 3 messages of others"


def test_lines_of_a_long_wait_become_rarer(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    logger = ProgressLogger()
    told = []
    for second in range(6 * 3600):
        clock[0] = 1000.0 + second
        if logger.is_due():
            logger.line(Progress(1, 0, 0, 0))
            told.append(second)
    assert told[:7] == [0, 15, 45, 105, 225, 465, 765]
    assert len(told) < 100
