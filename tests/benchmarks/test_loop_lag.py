"""The probe of the event loop: each delayed moment counts with its lag, and a free loop has none."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from benchmarks import loop_lag
from benchmarks.loop_lag import TICK, LagProbe, Lags, read_lags

BLOCKED = 0.5
"""Seconds for which the loop is blocked."""


def written(file: Path, lag: float) -> None:
    """Wait until the probe has written of so long a lag."""
    deadline = time.monotonic() + 60
    while not (file.exists() and read_lags(file, 0.0, time.time() + 1).longest > lag):
        assert time.monotonic() < deadline, f"the probe writes of no lag of {lag} s"
        time.sleep(TICK)


def test_a_blocked_loop_counts_for_everything_that_was_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_lag, "FLUSH", 0.0)
    file = tmp_path / "lags.jsonl"

    async def block() -> None:
        measuring = asyncio.ensure_future(anext(LagProbe(file=str(file)).run()))
        await asyncio.to_thread(written, file, 0.0)
        asyncio.get_running_loop().call_soon(time.sleep, BLOCKED)
        await asyncio.to_thread(written, file, BLOCKED - TICK)
        measuring.cancel()
        await asyncio.wait([measuring])

    asyncio.run(block())
    found = read_lags(file, 0.0, time.time() + 1)
    due_meanwhile = int(BLOCKED / TICK)
    every = [lag for line in file.read_text().splitlines() for lag in json.loads(line)[1]]
    # One for each moment that fell into the block, each with its own lag: a ramp down to nothing.
    late = sorted((lag for lag in every if lag <= found.longest), reverse=True)[: due_meanwhile - 1]
    assert len(late) == due_meanwhile - 1
    assert late[0] - late[-1] >= BLOCKED - 3 * TICK


def test_only_lines_of_the_period_count(tmp_path: Path) -> None:
    file = tmp_path / "lags.jsonl"
    file.write_text("".join(json.dumps([at, [at / 100], 1]) + "\n" for at in range(10)))
    assert read_lags(file, 3, 6) == Lags(3, 0.04, 0.05, 0.05)
    assert read_lags(file, 90, 100) == Lags(0, 0.0, 0.0, 0.0)


def test_quantiles() -> None:
    assert Lags.of([n / 100 for n in range(100, 0, -1)]) == Lags(100, 0.5, 0.99, 1.0)
    assert Lags.of([7.0]) == Lags(1, 7.0, 7.0, 7.0)
