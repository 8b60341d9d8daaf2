"""The table of the states that the injections met."""

from __future__ import annotations

from collections import Counter

from oss_audio_core.catalogue import State
from tools.chaos.table import CoverageTable


def test_the_table_counts_hits_and_conversions() -> None:
    table = CoverageTable()
    table.add("worker", Counter({State.PLANNED: 3, State.PUBLISHED: 40}))
    table.add("worker", Counter({State.PLANNED: 2, State.SUBMITTING: 1}))
    table.add("postgresql", None)
    head, postgresql, worker, everything = table.lines()
    assert head.split()[:3] == ["injections", "planned", "submitting"]
    assert postgresql.split()[-1] == everything.split()[-1] == "1"
    assert worker.split()[:6] == ["worker", "2", "2", "(5)", "1", "(1)"]
    assert set(table.uncovered()) == {State.SUBMITTED, State.CONVERTED, State.VERIFIED}
    assert table.least_covered() in table.uncovered()
