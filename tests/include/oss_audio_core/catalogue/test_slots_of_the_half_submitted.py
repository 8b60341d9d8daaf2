"""A half submitted conversion holds its slot as long as its task may run, and no longer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, inbox, open_catalogue, slots
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.inbox import InboxMessage
from oss_audio_core.catalogue.schema import conversion
from tests.include.oss_audio_core.catalogue.rows import add_conversion, add_source

DEADLINE = timedelta(hours=2)


@pytest.fixture
def catalogue(catalogue_url: sa.URL) -> Iterator[Catalogue]:
    opened = open_catalogue(catalogue_url)
    yield opened
    opened.close()


def test_its_slot_is_held_until_a_post_at_the_end_of_the_lease_would_be_past_its_deadline(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        source_id = add_source(connection, "a.wav")
        for number, minutes in enumerate([1, -1, -119, -121, -100_000]):
            lease_until = now() + timedelta(minutes=minutes)
            values = {"endpoint": "E", "token": "of the dead", "lease_until": lease_until}
            add_conversion(connection, source_id, f"{number}.wav", State.SUBMITTING, **values)
        assert slots.free(connection, "E", 10, deadline=DEADLINE) == 7
        assert slots.free(connection, "E", 10, deadline=2 * DEADLINE) == 6
        assert slots.free(connection, "E", 2, deadline=DEADLINE) == 0
        assert slots.free(connection, "other", 10, deadline=DEADLINE) == 10


def test_news_reach_what_holds_the_slots_of_one_endpoint_whoever_wants_it(catalogue: Catalogue) -> None:
    with catalogue.write() as connection:
        source_id = add_source(connection, "a.wav")
        ids = {}
        for number, (task, endpoint, minutes) in enumerate(
            [("done", "E", 5), ("failed", "E", 5), ("runs", "E", 5), ("overdue", "E", -5), ("elsewhere", "F", 5)]
        ):
            values = {"endpoint": endpoint, "task_id": task, "deadline_at": now() + timedelta(minutes=minutes)}
            ids[task] = add_conversion(connection, source_id, f"{number}.wav", State.SUBMITTED, **values)
        assert {one.task_id for one in slots.submitted(connection, "E")} == {"done", "failed", "runs"}
        told = [("done", "Succeeded"), ("failed", "Failed"), ("elsewhere", "Succeeded"), ("runs", "Running")]
        inbox.store(connection, [InboxMessage("q", task, task, status, None, None, None) for task, status in told])
    assert inbox.apply_to_endpoint(catalogue, "E") == 2
    assert inbox.apply_to_endpoint(catalogue, "E") == 0
    with catalogue.read() as connection:
        found = {row.id: row.state for row in connection.execute(sa.select(conversion.c.id, conversion.c.state))}
        assert {task: found[number] for task, number in ids.items()} == {
            "done": "converted",
            "failed": "failed",
            "runs": "submitted",
            "overdue": "submitted",
            "elsewhere": "submitted",
        }
        assert {one.task_id for one in slots.submitted(connection, "E")} == {"runs"}
