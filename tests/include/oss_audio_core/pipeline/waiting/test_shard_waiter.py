"""Waiting for a shard: by notification, by outputs, by tasks, whichever comes first; and without any of them."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import State, inbox, leases, own_objects
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.own_objects import OwnReason
from oss_audio_core.catalogue.schema import conversion, lease, notification
from oss_audio_core.oss import OssSettings, TaskStatus
from oss_audio_core.pipeline.waiting import drainer as draining
from oss_audio_core.pipeline.waiting import progress, shard_waiter, status_poller
from oss_audio_core.pipeline.waiting.progress import Progress

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps
    from tests.include.oss_audio_core.pipeline.proxy import Proxy

Wav = Callable[..., bytes]
NEVER = 600.0
"""Longer than any test: a wait that ends earlier got a notification, and has not polled."""


def ended(oss: OssSettings, bucket: str, task_id: str | None) -> TaskStatus:
    """Wait until a task has ended, without the product's own waiter."""
    tasks, deadline = oss.imm(), time.monotonic() + 30
    assert task_id is not None
    while (status := tasks.get_task(bucket, task_id)).status == "Running":
        assert time.monotonic() < deadline, "the task doesn't end"
        time.sleep(0.05)
    return status


def test_a_notification_ends_the_wait_without_polling(steps: Steps, wav: Wav, closed_port: int) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch)
    nowhere = f"http://127.0.0.1:{closed_port}"
    unreachable = replace(steps.oss, endpoint=nowhere, imm_endpoint=nowhere)
    assert steps.wait(batch, oss=unreachable, ask_after=NEVER) == Progress(0, 1, 0, 0)


def test_a_notification_of_a_failure_costs_one_get_task(
    steps: Steps, wav: Wav, closed_port: int, imm_proxy: Proxy
) -> None:
    steps.put("a.wav", wav())
    steps.put("b.wav", b"no audio at all")
    batch = steps.plan("mobile-mp3")
    steps.submit(batch)
    observed = replace(
        steps.oss,
        endpoint=f"http://127.0.0.1:{closed_port}",
        imm_endpoint=imm_proxy.address,
        imm_project=_project(steps),
    )
    assert steps.wait(batch, oss=observed, ask_after=NEVER) == Progress(0, 1, 1, 0)
    assert len(imm_proxy.requests) == 1
    failed = next(one for one in steps.rows() if one.state is State.FAILED)
    status = ended(steps.oss, steps.bucket, failed.task_id)
    assert (failed.code, failed.message) == (status.code, status.message)


def test_a_notification_that_came_before_the_task_id_was_written_is_not_lost(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch)
    task_id = steps.row().task_id
    steps.change(state="submitting", task_id=None, token="mine")
    ended(steps.oss, steps.bucket, task_id)
    arrived = sa.select(sa.func.count()).where(notification.c.task_id == task_id)
    for _ in range(60):
        assert steps.wait(batch, ask_after=NEVER, until=timedelta(seconds=1)).in_flight == 1
        with steps.catalogue.read() as connection:
            if connection.scalar(arrived):
                break
    steps.change(state="submitted", task_id=task_id)
    assert steps.refresh(batch) == Progress(0, 1, 0, 0)


def test_lost_notifications_are_made_up_for_by_listing_the_outputs(steps: Steps, wav: Wav, closed_port: int) -> None:
    for name in ("a.wav", "b.wav"):
        steps.put(name, wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch, topic=None)
    # IMM can't be asked either: the staged outputs alone tell.
    silent = replace(steps.oss, imm_endpoint=f"http://127.0.0.1:{closed_port}", imm_project="local-imm")
    assert steps.wait(batch, oss=silent, queue=None, ask_after=0.1) == Progress(0, 2, 0, 0)


def test_a_failure_without_a_notification_is_found_by_get_task(steps: Steps) -> None:
    steps.put("a.wav", b"no audio at all")
    batch = steps.plan("mobile-mp3")
    steps.submit(batch, topic=None)
    assert steps.wait(batch, queue=None, ask_after=0.1) == Progress(0, 0, 1, 0)
    row = steps.row()
    status = ended(steps.oss, steps.bucket, row.task_id)
    assert (row.state, row.code, row.message) == (State.FAILED, status.code, status.message)


def test_a_directly_published_conversion_is_found_by_get_task_not_by_its_key(steps: Steps, wav: Wav) -> None:
    # An older rendition stands at the key: that proves nothing.
    old = steps.oss.bucket(steps.bucket).put_object(f"direct/{steps.prefix}a.mp3", b"last night's")
    with steps.catalogue.write() as connection:
        known = {f"direct/{steps.prefix}a.mp3": old.etag}
        own_objects.record(connection, steps.bucket, known, OwnReason.WRITTEN_IN_PLACE)
    steps.put("a.wav", wav())
    direct = replace(steps.profile, publish="direct", target_key="direct/{dirname}/{barename}.mp3")
    batch = steps.plan(profiles=[direct])
    steps.submit(batch, topic=None)
    assert steps.wait(batch, queue=None, ask_after=0.1).converted == 1
    assert steps.verify(batch) == {"verified": 1}


def test_foreign_and_undecodable_messages_do_no_harm_and_are_kept(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    content = json.dumps({"TaskType": "MediaConvert", "TaskId": "MediaConvert-foreign", "Status": "Succeeded"})
    steps.send("this is no message of IMM", "<xml/>", json.dumps({"id": "1", "content": content}))
    batch = steps.to_converted("mobile-mp3")
    assert steps.row().state is State.CONVERTED
    with steps.catalogue.read() as connection:
        kept = connection.execute(sa.select(notification)).all()
    bodies = {one.body for one in kept if one.task_id is None}
    assert {b"this is no message of IMM", b"<xml/>"} <= bodies
    assert "MediaConvert-foreign" in {one.task_id for one in kept}
    assert all(one.body is None for one in kept if one.task_id is not None)
    assert steps.wait(batch).done


def test_an_unreachable_queue_is_done_without(
    steps: Steps, wav: Wav, closed_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    steps.smq = replace(steps.smq, endpoint=f"http://127.0.0.1:{closed_port}")
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch)
    with caplog.at_level(logging.WARNING):
        assert steps.wait(batch, ask_after=0.3).converted == 1
    assert "pipeline-queue" in caplog.text
    assert not any(secret in caplog.text for secret in steps.smq.secrets)


def test_what_is_past_its_deadline_has_failed(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    an_hour_ago = now() - timedelta(hours=1)
    steps.change(
        state="submitted",
        task_id="MediaConvert-forgotten",
        output_bucket=steps.bucket,
        output_key=f".staging/{steps.prefix}1-1.mp3",
        submitted_at=an_hour_ago,
        deadline_at=now() - timedelta(seconds=1),
    )
    assert steps.wait(batch, ask_after=NEVER) == Progress(0, 0, 1, 0)
    row = steps.row()
    assert (row.state, row.code) == (State.FAILED, "DeadlineExceeded")
    assert row.message == "no result 60 minutes after the submit (task MediaConvert-forgotten)"


def test_what_is_done_is_not_failed_by_its_deadline(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch, topic=None)
    ended(steps.oss, steps.bucket, steps.row().task_id)
    steps.change(deadline_at=now() - timedelta(seconds=1))
    assert steps.wait(batch, ask_after=NEVER) == Progress(0, 1, 0, 0)


def test_no_answer_at_the_deadline_is_no_failure(
    steps: Steps, wav: Wav, closed_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch, topic=None)
    ended(steps.oss, steps.bucket, steps.row().task_id)
    steps.change(deadline_at=now() - timedelta(seconds=1))
    nowhere = f"http://127.0.0.1:{closed_port}"
    away = replace(steps.oss, endpoint=nowhere, imm_endpoint=nowhere, imm_project="local-imm")
    with caplog.at_level(logging.WARNING):
        assert steps.wait(batch, oss=away, ask_after=NEVER, until=timedelta(seconds=2)) == Progress(1, 0, 0, 0)
    # The next poll has to wait: the service does not answer.
    assert caplog.text.count("Asking IMM for task") == 1
    assert steps.wait(batch, ask_after=NEVER) == Progress(0, 1, 0, 0)


def test_a_task_that_imm_forgot_is_not_overdue_while_its_output_cannot_be_looked_for(
    steps: Steps, wav: Wav, closed_port: int
) -> None:
    steps.put("a.wav", wav())
    batch = steps.to_converted("mobile-mp3")
    steps.change(state="submitted", task_id="MediaConvert-forgotten", deadline_at=now() - timedelta(seconds=1))
    away = replace(steps.oss, endpoint=f"http://127.0.0.1:{closed_port}", imm_project=_project(steps))
    assert steps.poke(batch, oss=away, queue=None) == Progress(1, 0, 0, 0)
    assert steps.poke(batch, queue=None) == Progress(0, 1, 0, 0)


def test_of_the_overdue_those_are_failed_that_were_asked_about(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_poller, "TASKS_PER_ROUND", 1)
    direct = replace(steps.profile, publish="direct", target_key=f"direct/{steps.prefix}{{barename}}.mp3")
    for number in range(3):
        steps.put(f"{number}.wav", wav())
    batch = steps.plan(profiles=[direct])
    steps.submit(batch, topic=None)
    for one in steps.rows():
        ended(steps.oss, steps.bucket, one.task_id)
    steps.change(deadline_at=now() - timedelta(seconds=1))
    assert steps.wait(batch, ask_after=0.1) == Progress(0, 3, 0, 0)


def test_what_the_queue_knows_is_not_failed_by_its_deadline(steps: Steps, wav: Wav, closed_port: int) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch)
    ended(steps.oss, steps.bucket, steps.row().task_id)
    steps.change(deadline_at=now() - timedelta(seconds=1))
    nowhere = f"http://127.0.0.1:{closed_port}"
    away = replace(steps.oss, endpoint=nowhere, imm_endpoint=nowhere)
    assert steps.wait(batch, oss=away, ask_after=NEVER) == Progress(0, 1, 0, 0)


def _project(steps: Steps) -> str:
    return steps.oss.imm().project_of(steps.bucket)


def test_the_wait_ends_when_its_time_is_over(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.change(state="submitted", task_id="MediaConvert-endless", submitted_at=now())
    assert steps.wait(batch, until=timedelta(seconds=0)) == Progress(1, 0, 0, 0)


def test_a_waiter_that_may_not_drain_reads_what_another_one_drained(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch)
    with steps.catalogue.write() as connection:
        assert leases.acquire(connection, f"drain {steps.queue}", "another", timedelta(minutes=1))
    task_id = steps.row().task_id

    async def both() -> Progress:
        waiting = asyncio.create_task(steps.waiting(batch, ask_after=NEVER))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        told = inbox.InboxMessage("q", "m", task_id, "Succeeded", None, None, None)
        with steps.catalogue.write() as connection:
            inbox.store(connection, [told])
        progress = await waiting
        assert isinstance(progress, Progress)
        return progress

    assert asyncio.run(both()) == Progress(0, 1, 0, 0)
    with steps.catalogue.read() as connection:
        assert connection.scalars(sa.select(lease.c.owner)).all() == ["another"]


def test_two_waiters_of_one_shard_both_see_its_end(steps: Steps, wav: Wav) -> None:
    for number in range(4):
        steps.put(f"{number}.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch)

    async def both() -> list[Progress]:
        return list(await asyncio.gather(*(steps.waiting(batch) for _ in range(2))))

    assert asyncio.run(both()) == [Progress(0, 4, 0, 0)] * 2
    with steps.catalogue.read() as connection:
        assert connection.scalars(sa.select(lease.c.name)).all() == []


def test_a_poke_receives_once_and_asks_once(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch, topic=None)
    ended(steps.oss, steps.bucket, steps.row().task_id)
    assert steps.poke(batch) == Progress(0, 1, 0, 0)


def test_conversions_that_ended_without_an_output_are_not_counted_as_converted(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    steps.put("empty.wav", b"")
    batch = steps.plan("mobile-mp3")
    steps.submit(batch)
    assert steps.wait(batch) == Progress(0, 1, 0, 0, left_out=1)


def test_a_half_submitted_conversion_is_not_waited_for_for_ever(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    # Its submit may go on, or be tried again; a while after its lease neither happens.
    steps.change(state="submitting", token="somebody", lease_until=now() - timedelta(minutes=1))
    assert steps.refresh(batch) == Progress(1, 0, 0, 0)
    steps.change(lease_until=now() - progress.ABANDONED)
    assert steps.wait(batch, ask_after=NEVER) == Progress(0, 0, 0, 1)


def test_progress_is_logged_in_words(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch)
    told: list[str] = []
    with steps.catalogue.write() as connection:  # the queue is not drained: by the catalogue it is in flight
        assert leases.acquire(connection, f"drain {steps.queue}", "another", timedelta(minutes=1))
    assert steps.wait(batch, ask_after=NEVER, until=timedelta(0), log_line=told.append).in_flight == 1
    assert told == ["0 converted, 0 failed, 1 in flight"]
    with steps.catalogue.write() as connection:
        leases.release(connection, f"drain {steps.queue}", "another")
    assert steps.wait(batch, ask_after=NEVER, log_line=told.append).done
    # Whatever other tests left in the queue is counted as well.
    assert re.fullmatch(r"1 converted, 0 failed, 0 in flight(, \d+ a minute)?(; \d+ messages .*)?", told[-1])


def test_foreign_messages_are_counted_until_the_catalogue_has_their_task(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch)
    task_id = steps.row().task_id
    ended(steps.oss, steps.bucket, task_id)
    steps.send(
        json.dumps({"TaskType": "MediaConvert", "TaskId": f"MediaConvert-{steps.prefix}", "Status": "Succeeded"})
    )
    # Told before its TaskId is written down: for that long it looks like another's.
    steps.change(state="submitting", task_id=None, token="mine")

    async def drain() -> tuple[int, int, int]:
        async with AsyncExitStack() as stack:
            drainer = draining.Drainer(asyncio.to_thread, steps.catalogue, steps.smq, str(steps.queue), stack)
            deadline = time.monotonic() + 60
            while len(told()) < 2:
                assert time.monotonic() < deadline, "the messages don't come"
                await drainer.drain(1)
            before = await asyncio.to_thread(drainer.count_foreign)
            steps.change(state="submitted", task_id=task_id)
            after = await asyncio.to_thread(drainer.count_foreign)
            monkeypatch.setattr(draining, "SETTLED", 0.0)
            return before, after, await asyncio.to_thread(drainer.count_foreign)

    def told() -> list[str]:
        mine = notification.c.task_id.in_([task_id, f"MediaConvert-{steps.prefix}"])
        with steps.catalogue.read() as connection:
            return list(connection.scalars(sa.select(notification.c.task_id).where(mine)))

    with caplog.at_level(logging.WARNING):
        before, after, settled = asyncio.run(drain())
    assert (before - after, settled) == (1, after)
    assert after >= 1
    assert "messages of tasks that this catalogue doesn't know" in caplog.text


def test_a_message_about_an_output_that_was_found_is_not_foreign(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(draining, "SETTLED", 0.0)
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch)
    task_id = steps.row().task_id
    ended(steps.oss, steps.bucket, task_id)
    # As it would be had its answer been lost.
    steps.change(state="submitting", task_id=None, token="of the dead", lease_until=now() - timedelta(seconds=1))
    assert steps.submit(batch) == {"found": 1}
    assert steps.row().task_id is None

    def told() -> list[str | None]:
        with steps.catalogue.read() as connection:
            return list(connection.scalars(sa.select(notification.c.task_id)))

    async def drain() -> int:
        async with AsyncExitStack() as stack:
            drainer = draining.Drainer(asyncio.to_thread, steps.catalogue, steps.smq, str(steps.queue), stack)
            deadline = time.monotonic() + 60
            while task_id not in told():
                assert time.monotonic() < deadline, "the message doesn't come"
                await drainer.drain(1)
            return await asyncio.to_thread(drainer.count_foreign)

    with caplog.at_level(logging.WARNING):
        foreign = asyncio.run(drain())
    # Other tests use the queue as well: theirs are foreign indeed.
    assert foreign == len(told()) - 1
    assert str(task_id) not in caplog.text


def test_two_runs_on_one_queue_lose_no_message_to_the_wrong_reader(steps: Steps, wav: Wav, closed_port: int) -> None:
    for name in ("a.wav", "b.wav", "bad.wav"):
        steps.put(name, b"no audio at all" if name == "bad.wav" else wav())
    batches = [steps.plan("mobile-mp3"), steps.plan("voice-amr-nb")]
    for batch in batches:
        steps.submit(batch)
    nowhere = f"http://127.0.0.1:{closed_port}"
    away = replace(steps.oss, endpoint=nowhere)

    async def all_of_them() -> list[Progress]:
        # Two waiters of each run, none of which polls by itself: messages drained by one must reach the others.
        waiters = [steps.waiting(batch, oss=away, ask_after=NEVER) for batch in batches for _ in range(2)]
        return list(await asyncio.gather(*waiters))

    assert asyncio.run(all_of_them()) == [Progress(0, 2, 1, 0)] * 4


def test_a_round_of_asking_has_no_more_requests_than_stated(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, oss_proxy: Proxy, imm_proxy: Proxy
) -> None:
    monkeypatch.setattr(status_poller, "TASKS_PER_ROUND", 2)
    for number in range(5):
        steps.put(f"{number}.wav", b"never converted")
    batch = steps.plan("mobile-mp3")
    steps.change(state="submitted", submitted_at=now(), output_bucket=steps.bucket)
    with steps.catalogue.write() as connection:
        for one in steps.rows():
            values = {"task_id": f"MediaConvert-endless-{one.id}", "output_key": f".staging/{steps.prefix}{one.id}.mp3"}
            connection.execute(sa.update(conversion).where(conversion.c.id == one.id).values(**values))
    counted = replace(
        steps.oss, endpoint=oss_proxy.address, imm_endpoint=imm_proxy.address, imm_project=_project(steps)
    )
    assert steps.poke(batch, oss=counted, queue=None).in_flight == 5
    # One page of the staging folder, and so many GetTask.
    assert (len(oss_proxy.requests), len(imm_proxy.requests)) == (1, 2)


def test_the_service_is_asked_at_a_pace_that_news_and_deadlines_change(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(shard_waiter, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    pace = shard_waiter._PollSchedule(60.0, at_once=False)
    asked = {"quiet": 0, "overdue": 0}
    for second in range(600):
        clock[0] = float(second)
        pace.on_progress(Progress(1, 0, 0, 0))
        if pace.is_due():
            asked["quiet"] += 1
            pace.on_polled()
    for second in range(600, 1200):
        clock[0] = float(second)
        # Overdue all the time.
        if pace.is_due() or pace.may_poll():
            asked["overdue"] += 1
            pace.on_polled()
    assert asked == {"quiet": 9, "overdue": 60}


def forged(steps: Steps, status: str = "Failed") -> str:
    """What anybody who may publish to the topic can write about the only conversion."""
    task = {"TaskType": "MediaConvert", "TaskId": steps.row().task_id, "Status": status, "Code": "X", "Message": "no"}
    return json.dumps(task)


def test_a_forged_failure_spends_no_attempt(steps: Steps, wav: Wav, caplog: pytest.LogCaptureFixture) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch, topic=None)
    ended(steps.oss, steps.bucket, steps.row().task_id)
    steps.send(forged(steps))
    # GetTask alone is asked, and says that it has succeeded.
    assert steps.wait(batch, ask_after=NEVER).converted == 1
    assert (steps.row().state, steps.row().attempt) == (State.CONVERTED, 1)


def test_a_forged_failure_of_a_task_that_runs_is_removed_and_the_wait_goes_on(
    steps: Steps, wav: Wav, imm_proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch, topic=None)
    ended(steps.oss, steps.bucket, steps.row().task_id)
    steps.send(forged(steps))
    imm_proxy.spoil(b"GetTask", lambda whole: whole.replace(b'"Succeeded"', b'"Running"  '))
    observed = replace(steps.oss, imm_endpoint=imm_proxy.address, imm_project=_project(steps))
    with caplog.at_level(logging.WARNING):
        progress = steps.wait(batch, oss=observed, until=timedelta(seconds=6), ask_after=NEVER)
    assert progress.in_flight == 1
    assert (steps.row().state, steps.row().code) == (State.SUBMITTED, None)
    assert "nothing is spent on their word" in caplog.text
    with steps.catalogue.read() as connection:
        assert inbox.said_failed(connection) == []
    assert len(imm_proxy.requests) == 1


def test_a_failure_that_imm_can_not_confirm_now_waits(steps: Steps, closed_port: int) -> None:
    steps.put("bad.wav", b"no audio at all")
    batch = steps.plan("mobile-mp3")
    steps.submit(batch)
    ended(steps.oss, steps.bucket, steps.row().task_id)
    away = replace(steps.oss, imm_endpoint=f"http://127.0.0.1:{closed_port}", imm_project=_project(steps))
    progress = steps.wait(batch, oss=away, until=timedelta(seconds=4), ask_after=NEVER)
    assert (progress.in_flight, progress.failed) == (1, 0)
    assert steps.wait(batch, ask_after=NEVER).failed == 1


def test_a_poke_asks_before_it_believes_a_failure(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    steps.submit(batch, topic=None)
    ended(steps.oss, steps.bucket, steps.row().task_id)
    steps.send(forged(steps))
    assert steps.poke(batch).converted == 1


def test_a_message_of_thousands_of_addresses_costs_a_handful_of_statements(
    steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(draining, "SETTLED", 0.0)
    addresses = [{"URI": "a"}] * 2300
    task = {"TaskType": "MediaConvert", "TaskId": f"x-{steps.prefix}", "Status": "Succeeded"}
    steps.send(json.dumps({**task, "Sources": addresses, "Targets": addresses}).replace(" ", ""))
    steps.send(json.dumps({**task, "TaskId": "7" * 8000}))
    statements: list[str] = []

    async def drain() -> None:
        async with AsyncExitStack() as stack:
            drainer = draining.Drainer(asyncio.to_thread, steps.catalogue, steps.smq, str(steps.queue), stack)
            deadline = time.monotonic() + 60
            while not {f"x-{steps.prefix}", None} <= told():
                assert time.monotonic() < deadline, "the messages don't come"
                await drainer.drain(1)
            sa.event.listen(sa.Engine, "before_cursor_execute", lambda *given: statements.append(given[2]))
            await asyncio.to_thread(drainer.count_foreign)

    def told() -> set[str | None]:
        with steps.catalogue.read() as connection:
            return set(connection.scalars(sa.select(notification.c.task_id)))

    asyncio.run(drain())
    assert 0 < len(statements) < 10
    with steps.catalogue.read() as connection:
        unread = connection.execute(sa.select(notification).where(notification.c.task_id.is_(None))).all()
    (long,) = [row for row in unread if "its TaskId has 8,000 characters" in (row.message or "")]
    assert len(long.body) == 4096
    assert "of 8," in long.message
