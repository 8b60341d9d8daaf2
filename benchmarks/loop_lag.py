"""The lag of an event loop: a trigger that measures it inside the triggerer, and its figures."""

from __future__ import annotations

import asyncio
import json
import math
import os
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

TICK = 0.02
"""Seconds between two moments at which the probe is due."""

FLUSH = 1.0
"""Seconds between two lines that it writes."""


class LagProbe(BaseTrigger):
    """Never fires; records the loop's lag, a line of JSON a second: `[seconds since the epoch, lags, pid]`.

    The probe is due every 20 ms by a fixed timetable. Each moment that passes while the loop is blocked counts with its
    own lag: half a second of blocking is 25 lags from 500 ms downwards and not a single one. The quantiles are then
    those of an event that may come at any moment.

    Args:
        file: the file that it appends to.
    """

    def __init__(self, *, file: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # it has no types in Airflow
        self.file = file

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class path and its arguments."""
        return "benchmarks.loop_lag.LagProbe", {"file": self.file}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Measure until the trigger is cancelled."""
        lags: list[float] = []
        due = time.monotonic() + TICK
        written = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            woken = time.monotonic()
            while due <= woken:
                lags.append(woken - due)
                due += TICK
            if woken - written >= FLUSH:
                self._write(lags)
                written, lags = woken, []
        yield TriggerEvent({})  # makes this an asynchronous generator, as Airflow requires

    def _write(self, lags: Sequence[float]) -> None:
        line = json.dumps([time.time(), [round(lag, 5) for lag in lags], os.getpid()]) + "\n"
        # A few hundred bytes go into the page cache, within microseconds.
        with open(self.file, "a", encoding="utf-8") as out:
            out.write(line)


@dataclass(frozen=True)
class Lags:
    """Lags of a period in seconds: their number, median, 99th percentile and maximum."""

    count: int
    p50: float
    p99: float
    longest: float

    @classmethod
    def of(cls, lags: Sequence[float]) -> Lags:
        """Summarise lags; without any, all figures are 0."""
        ordered = sorted(lags) or [0.0]
        return cls(len(lags), _quantile(ordered, 0.5), _quantile(ordered, 0.99), ordered[-1])

    def __str__(self) -> str:
        return f"p50 {1000 * self.p50:.1f} ms, p99 {1000 * self.p99:.1f} ms, longest {1000 * self.longest:.0f} ms"


def read_lags(file: Path, begin: float, end: float) -> Lags:
    """Read the lags of the lines that were written in a period (seconds since the epoch)."""
    found: list[float] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        at, lags, _ = json.loads(line)
        if begin <= at < end:
            found += lags
    return Lags.of(found)


def _quantile(ordered: Sequence[float], part: float) -> float:
    """Return the smallest value that is not exceeded by `part` of all values."""
    return ordered[max(0, math.ceil(len(ordered) * part) - 1)]
