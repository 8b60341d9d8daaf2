"""A night's price follows from its files, not from the years in the catalogue: no step reads a table whole.

Told by SQLite's own plans of what the steps execute, over three nights. SQLite decides by the shape of a statement as
long as nobody has run ANALYZE, so the plans are those of a large catalogue.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from oss_audio_core.audio_convert import Profile, VerifyPolicy
from oss_audio_core.catalogue.cancelling import cancel_batch
from oss_audio_core.catalogue.schema import metadata
from oss_audio_core.pipeline.reporting import build_report, render
from oss_audio_core.pipeline.requeueing import Wanted, requeue
from oss_audio_core.pipeline.submitting.slot_reclaimer import SlotReclaimer

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

Wav = Callable[..., bytes]
STEPS = ("plan", "submit", "make room", "wait", "verify", "publish", "requeue", "cancel")
TABLES = {*metadata.tables, "content", "newer", "earlier"} - {"identity"}
"""With aliases, and without the table of one row."""

FEW = re.compile(r"USING INDEX (ix_conversion_failed|ix_conversion_in_flight)\b")
"""They have only what is wrong, or under way."""

WEAK = re.compile(r"\((target_bucket|bucket|profile|state|publish|newest)[=<>]\?\)")
"""One column in which most rows of a table are alike finds nothing."""


class Plans:
    """SQLite's plan of each statement that a catalogue executes, with the step that it belongs to."""

    def __init__(self, engine: sa.Engine) -> None:
        self.step = "open"
        self.told: dict[tuple[str, str], list[str]] = {}
        sa.event.listen(engine, "before_cursor_execute", self._explain)

    def _explain(self, _connection: Any, cursor: Any, statement: str, given: Any, _context: Any, _many: bool) -> None:
        if statement.split()[0] in {"SELECT", "INSERT", "UPDATE", "DELETE"} and (self.step, statement) not in self.told:
            rows = given[0] if isinstance(given, list) else given
            explained = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", rows)
            self.told[self.step, statement] = [row[3] for row in explained]

    def steps_that_search(self, table: str) -> set[str]:
        return {
            step
            for (step, _), plan in self.told.items()
            if any(f"SEARCH {table} USING" in line and not WEAK.search(line) for line in plan)
        }

    def whole_tables(self) -> list[str]:
        """What reads one: a scan, or a search by what most rows have in common."""
        return [
            f"{step}: {line}: {statement}"
            for (step, statement), plan in self.told.items()
            for line in plan
            if (found := re.match(r"(SCAN|SEARCH) (\w+)", line)) and found[2] in TABLES
            if (found[1] == "SCAN" and not FEW.search(line)) or WEAK.search(line)
        ]


@pytest.fixture
def plans(steps: Steps) -> Plans:
    return Plans(steps.catalogue._engine)


def night(steps: Steps, plans: Plans, profiles: list[Profile], **options: Any) -> None:
    plans.step = "plan"
    batch = steps.plan(profiles=profiles, **options)
    plans.step = "submit"
    steps.submit(batch, in_flight=100)
    plans.step = "make room"
    SlotReclaimer(steps.catalogue, steps.oss, None, None).reclaim_slots()
    plans.step = "wait"
    steps.wait(batch)
    steps.poke(batch)
    plans.step = "verify"
    steps.verify(batch, *profiles)
    plans.step = "publish"
    steps.publish(batch)
    plans.step = "report"
    render(build_report(steps.catalogue, batch))


def test_no_step_of_a_file_reads_a_table_whole(steps: Steps, wav: Wav, plans: Plans, mp3: Profile) -> None:
    with_side_files = replace(
        mp3, name="seen", target_key="seen/{dirname}/{barename}.mp3", verify=VerifyPolicy(waveform="beside")
    )
    profiles = [mp3, with_side_files]
    for name in ("a.wav", "b.wav"):
        steps.put(name, wav(0.4))
    steps.put("bad.wav", b"no audio at all")
    night(steps, plans, profiles)
    # What fails is tried again, what is published is made anew, and what it replaces is taken away.
    night(steps, plans, profiles, force=True)
    night(steps, plans, profiles, retry_now=True, never_degrade=True)
    plans.step = "requeue"
    requeue(steps.catalogue, f"{steps.prefix}again", Wanted(), oss=steps.oss)
    plans.step = "cancel"
    cancel_batch(steps.catalogue, f"{steps.prefix}again")

    assert plans.steps_that_search("conversion") >= set(STEPS)
    assert plans.steps_that_search("attempt") >= {"wait"}
    assert plans.steps_that_search("rendition") >= {"plan", "publish"}
    assert plans.whole_tables() == []
