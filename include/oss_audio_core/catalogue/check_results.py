"""Results of verification: every check of every attempt's output."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from oss_audio_core.catalogue.conversions import Attempt
from oss_audio_core.catalogue.schema import check_result
from oss_audio_core.catalogue.storable import storable

PASSED = "passed"
FAILED = "failed"


@dataclass(frozen=True)
class CheckResult:
    """One check: expected and measured value with units, and the verdict (`passed`, `failed`, …)."""

    name: str
    expected: str
    measured: str
    verdict: str


def record(connection: Connection, about: Attempt, results: Iterable[CheckResult]) -> None:
    """Store the checks of one attempt's output, in their order. They replace those of an earlier verification."""
    these = check_result.c.conversion_id == about.id, check_result.c.attempt == about.number
    connection.execute(sa.delete(check_result).where(*these))
    rows = [
        {
            "conversion_id": about.id,
            "attempt": about.number,
            "ordinal": ordinal,
            "name": result.name,
            "expected": storable(result.expected),
            "measured": storable(result.measured),
            "verdict": result.verdict,
        }
        for ordinal, result in enumerate(results)
    ]
    if rows:
        connection.execute(sa.insert(check_result), rows)


def of_attempt(connection: Connection, about: Attempt) -> list[CheckResult]:
    """The checks of one attempt's output, in their order; none before it was verified."""
    statement = (
        sa.select(check_result)
        .where(check_result.c.conversion_id == about.id, check_result.c.attempt == about.number)
        .order_by(check_result.c.ordinal)
    )
    return [CheckResult(row.name, row.expected, row.measured, row.verdict) for row in connection.execute(statement)]
