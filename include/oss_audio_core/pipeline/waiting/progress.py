"""The progress of a shard, as numbers and as lines of the log."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.progress import ShardKey, ShardSums, sum_shards
from oss_audio_core.catalogue.states import FAILED_STATES, IN_FLIGHT, State
from oss_audio_core.text.escaping import for_log

LOG_AFTER = 15.0
"""Seconds between the first two lines of progress. Each later pause is twice as long, up to LOG_AT_LEAST_EVERY."""

LOG_AT_LEAST_EVERY = 300.0
"""The longest pause between two lines, in seconds: the log of a night fits on a page."""

ABANDONED = timedelta(minutes=15)
"""Time after its lease at which a waiter gives up a half submitted conversion: its submit failed for good, and Airflow
would have retried it by now."""

CONVERTED = frozenset({State.CONVERTED, State.VERIFIED, State.PUBLISHED})
"""States with an output at hand, verified or not."""

LEFT_OUT = frozenset({State.SKIPPED, State.SUPERSEDED, State.CANCELLED})
"""Ends that are neither an output nor a failure."""


@dataclass(frozen=True)
class Progress:
    """The progress of a shard.

    Attributes:
        in_flight: conversions that the service has, or may have.
        converted: outputs that wait for verification, or went through it.
        failed: conversions that ended badly; each has its reason in its row.
        waiting: conversions that are not submitted, or that were left half submitted: only another submit can decide
            those.
        left_out: conversions that ended without an output and without a failure: an empty source, or one of which a
            newer generation was planned meanwhile.
        deadline: the first deadline of the submitted conversions; None: nothing is submitted.
        said_failed: conversions in flight that a message calls failed; GetTask has not confirmed it yet.
    """

    in_flight: int
    converted: int
    failed: int
    waiting: int
    left_out: int = 0
    deadline: datetime | None = field(default=None, compare=False)
    said_failed: int = field(default=0, compare=False)

    def __str__(self) -> str:
        return f"{self.converted} converted, {self.failed} failed, {self.in_flight} in flight"

    @property
    def done(self) -> bool:
        """Whether there is nothing left to wait for."""
        return self.in_flight == 0

    @property
    def overdue(self) -> bool:
        """Whether a submitted conversion's deadline has passed."""
        return self.deadline is not None and self.deadline < now()

    @property
    def has_failures(self) -> bool:
        """Whether something failed, or nothing at all came of what was wanted."""
        return self.failed > 0 or (self.left_out > 0 and self.converted == 0)


def read_progress(connection: Connection, shards: Collection[ShardKey]) -> dict[ShardKey, Progress]:
    """Sum up the states of shards."""
    return {shard: _progress(sums) for shard, sums in sum_shards(connection, shards, now() - ABANDONED).items()}


def _progress(sums: ShardSums) -> Progress:
    def of(states: Iterable[State]) -> int:
        return sum(sums.states[state] for state in states)

    in_flight, waiting = of(IN_FLIGHT) - sums.abandoned, of({State.PLANNED}) + sums.abandoned
    return Progress(in_flight, of(CONVERTED), of(FAILED_STATES), waiting, of(LEFT_OUT), sums.deadline)


class ProgressLogger:
    """When a line of progress is due, and its words."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._next = self._began
        self._pause = LOG_AFTER
        self._first: Progress | None = None

    def on_progress(self, progress: Progress) -> None:
        """Keep the first progress: the rate counts from there."""
        self._first = self._first or progress

    def is_due(self) -> bool:
        """Whether the next line is due."""
        return time.monotonic() >= self._next

    def line(self, progress: Progress, *remarks: str) -> str:
        """One line: what is done, failed, in flight, how many a minute, how long the rest will take; then remarks.

        It is fit for a log, whatever the remarks quote.
        """
        self._next = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, LOG_AT_LEAST_EVERY)
        minutes = (time.monotonic() - self._began) / 60
        done = 0 if self._first is None else self._first.in_flight - progress.in_flight
        line = str(progress)
        if done > 0 and minutes > 0:
            rate = done / minutes
            line += f", {rate:.0f} a minute"
            if progress.in_flight:
                line += f", about {max(1, round(progress.in_flight / rate))} min left"
        return "; ".join([line, *map(for_log, remarks)])
