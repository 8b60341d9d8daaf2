"""Slots: what is in flight on an endpoint never exceeds the limit, whoever claims."""

from __future__ import annotations

import multiprocessing
import secrets
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import Catalogue, State, conversions, inbox, open_catalogue, slots
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.inbox import InboxMessage
from oss_audio_core.catalogue.schema import conversion
from oss_audio_core.catalogue.states import Verb
from tests.include.oss_audio_core.catalogue.rows import add_conversion, add_source

LIMIT = 7
PROCESSES = 8
CONVERSIONS = 60


@pytest.fixture
def sixty_planned(catalogue_url: sa.URL) -> Iterator[Catalogue]:
    opened = open_catalogue(catalogue_url)
    with opened.write() as connection:
        source_id = add_source(connection, "a.wav")
        for number in range(CONVERSIONS):
            add_conversion(connection, source_id, f"{number}.wav", State.PLANNED)
    yield opened
    opened.close()


def in_flight(connection: sa.Connection) -> int:
    busy = conversion.c.state.in_(["submitting", "submitted"])
    return int(connection.scalar(sa.select(sa.func.count()).select_from(conversion).where(busy)) or 0)


def take(connection: sa.Connection, wanted: int, endpoint: str = "E") -> list[conversions.Conversion]:
    room = slots.free(connection, endpoint, LIMIT)
    planned = sa.select(conversion.c.id).where(conversion.c.state == "planned").limit(min(room, wanted))
    ids = connection.scalars(planned.order_by(sa.func.random())).all()
    lease_until = now() + timedelta(minutes=1)
    return conversions.claim(
        connection, Verb.CLAIM, ids, token=secrets.token_hex(4), lease_until=lease_until, endpoint=endpoint
    )


def work(url: str, seen: multiprocessing.queues.Queue[int], together: threading.Barrier) -> None:
    """Claim together with the others, then submit and complete until nothing is planned.

    Tells the most that was ever in flight: of the first claims all want three, and nobody ends any before all have.
    """
    catalogue = open_catalogue(url)
    together.wait()
    with catalogue.write() as connection:
        claimed = take(connection, 3)
    together.wait()
    with catalogue.read() as connection:
        most = in_flight(connection)
    together.wait()
    finish(catalogue, claimed)
    while True:
        with catalogue.write() as connection:
            claimed = take(connection, 3)
        with catalogue.read() as connection:
            most = max(most, in_flight(connection))
            left = connection.scalar(sa.select(conversion.c.id).where(conversion.c.state != "converted").limit(1))
        if left is None:
            break
        if not claimed:
            time.sleep(0.01)
        finish(catalogue, claimed)
    catalogue.close()
    seen.put(most)


def finish(catalogue: Catalogue, claimed: list[conversions.Conversion]) -> None:
    for one in claimed:
        with catalogue.write() as connection:
            token = connection.scalar(sa.select(conversion.c.token).where(conversion.c.id == one.id))
            deadline = now() + timedelta(hours=1)
            conversions.move(connection, Verb.ACCEPT, one.id, held=token, task_id=f"T{one.id}", deadline_at=deadline)
    with catalogue.write() as connection:
        conversions.move(connection, Verb.COMPLETE, [one.this_attempt for one in claimed])


def test_eight_processes_never_exceed_the_limit(sixty_planned: Catalogue, catalogue_url: sa.URL) -> None:
    context = multiprocessing.get_context("spawn")
    seen, together = context.Queue(), context.Barrier(PROCESSES, timeout=120)
    url = catalogue_url.render_as_string(hide_password=False)
    # Daemons: when one of them fails, the others wait for what it holds, and must not keep the test from ending.
    workers = [context.Process(target=work, args=(url, seen, together), daemon=True) for _ in range(PROCESSES)]
    for worker in workers:
        worker.start()
    most = [seen.get(timeout=120) for _ in workers]
    for worker in workers:
        worker.join(timeout=60)
        assert worker.exitcode == 0
    assert max(most) == LIMIT
    with sixty_planned.read() as connection:
        ended = connection.scalar(sa.select(sa.func.count()).where(conversion.c.state == State.CONVERTED.value))
    assert ended == CONVERSIONS


def test_a_slot_is_held_to_the_deadline_and_by_its_own_endpoint(sixty_planned: Catalogue) -> None:
    with sixty_planned.write() as connection:
        taken = take(connection, 100)
        assert (len(taken), slots.free(connection, "E", LIMIT), slots.free(connection, "other", LIMIT)) == (7, 0, 7)
        assert slots.free(connection, "E", LIMIT + 1) == 1
        connection.execute(
            sa.update(conversion)
            .where(conversion.c.id == taken[0].id)
            .values(state="submitted", deadline_at=now() - timedelta(seconds=1))
        )
        assert slots.free(connection, "E", LIMIT) == 1
        assert slots.free(connection, "E", 3) == 0


DEADLINE = timedelta(hours=2)


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


def test_notifications_reach_the_slots_of_one_endpoint_across_batches(catalogue: Catalogue) -> None:
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
    assert inbox.apply_to_endpoint(catalogue, "E") == inbox.Applied(1, Counter({(0, 0): 1}))
    assert inbox.apply_to_endpoint(catalogue, "E").moved == 0
    with catalogue.read() as connection:
        found = {row.id: row.state for row in connection.execute(sa.select(conversion.c.id, conversion.c.state))}
        assert {task: found[number] for task, number in ids.items()} == {
            "done": "converted",
            "failed": "submitted",
            "runs": "submitted",
            "overdue": "submitted",
            "elsewhere": "submitted",
        }
        assert {one.task_id for one in slots.submitted(connection, "E")} == {"failed", "runs"}
