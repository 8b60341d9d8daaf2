"""How late an event loop runs what is due: a trigger that measures it inside the triggerer, and its figures."""

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
    """Never fires; writes down how late the loop woke it, a line of JSON a second: `[seconds since the epoch, lags]`.

    It is due every 20 ms by a fixed timetable. What was due while the loop was blocked counts, each with its own lag:
    half a second of blocking is 25 lags from 500 ms downwards and not a single one, so that the quantiles are those
    of an event that may come at any moment.

    :param file: what it appends to.
    """

    def __init__(self, *, file: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Airflow leaves it without types
        self.file = file

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return "benchmarks.loop_lag.LagProbe", {"file": self.file}

    async def run(self) -> AsyncIterator[TriggerEvent]:
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
        yield TriggerEvent({})  # makes this an asynchronous generator, as Airflow wants it

    def _write(self, lags: Sequence[float]) -> None:
        line = json.dumps([time.time(), [round(lag, 5) for lag in lags], os.getpid()]) + "\n"
        # A few hundred bytes into the page cache: microseconds.
        with open(self.file, "a", encoding="utf-8") as out:
            out.write(line)


@dataclass(frozen=True)
class Lags:
    """Lags of a period in seconds: how many, their median, their 99th percentile, the longest."""

    count: int
    p50: float
    p99: float
    longest: float

    @classmethod
    def of(cls, lags: Sequence[float]) -> Lags:
        """Sum lags up; of none everything is 0."""
        ordered = sorted(lags) or [0.0]
        return cls(len(lags), _quantile(ordered, 0.5), _quantile(ordered, 0.99), ordered[-1])

    def __str__(self) -> str:
        return f"p50 {1000 * self.p50:.1f} ms, p99 {1000 * self.p99:.1f} ms, longest {1000 * self.longest:.0f} ms"


def read_lags(file: Path, begin: float, end: float) -> Lags:
    """The lags of the lines that were written in a period (seconds since the epoch)."""
    found: list[float] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        at, lags, _ = json.loads(line)
        if begin <= at < end:
            found += lags
    return Lags.of(found)


def _quantile(ordered: Sequence[float], part: float) -> float:
    """The smallest value that so large a part of all values doesn't exceed."""
    return ordered[max(0, math.ceil(len(ordered) * part) - 1)]
