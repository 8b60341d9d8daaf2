"""Slots that are not released by themselves: of submits without an answer, of killed runs, of runs without waiters."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import State, Verb
from oss_audio_core.catalogue.conversions import claim
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.schema import lease
from oss_audio_core.oss import OssUnavailable
from oss_audio_core.pipeline.submitting import slot_reclaimer
from oss_audio_core.pipeline.submitting.options import SubmitOptions
from oss_audio_core.pipeline.submitting.shard_submitter import submit_shard
from oss_audio_core.pipeline.submitting.slot_reclaimer import SlotReclaimer

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps
    from tests.include.oss_audio_core.pipeline.proxy import Proxy

Wav = Callable[..., bytes]
POST = b"x-oss-async-process"
LONGEST_WAIT = 120.0


class BoundedReclaimer:
    """Fails instead of waiting for a slot for ever."""

    def __init__(self, reclaim_slots: Callable[[], None]) -> None:
        self._reclaim_slots = reclaim_slots
        self._until = time.monotonic() + LONGEST_WAIT

    def __call__(self) -> None:
        assert time.monotonic() < self._until, "no slot has become free"
        self._reclaim_slots()


class NotYet(Exception):
    """A slot was waited for."""


def not_yet() -> None:
    raise NotYet


def put_five(steps: Steps, wav: Wav) -> None:
    for number in range(5):
        steps.put(f"{number}.wav", wav(0.1))


def reclaiming(steps: Steps, queue: str | None = "pipeline-queue") -> BoundedReclaimer:
    return BoundedReclaimer(
        SlotReclaimer(steps.catalogue, steps.oss, steps.smq if queue else None, queue, ask_after=0.1).reclaim_slots
    )


def test_submits_without_an_answer_that_hold_every_slot_are_looked_into(
    steps: Steps, wav: Wav, oss_proxy: Proxy
) -> None:
    put_five(steps, wav)
    batch = steps.plan("mobile-mp3")
    oss_proxy.spoil(POST, lambda _: b"", forward=False, reset=True, times=2)
    oss = replace(steps.oss, endpoint=oss_proxy.address, connect_timeout=0.1, read_timeout=0.5)
    reclaim_slots = BoundedReclaimer(
        SlotReclaimer(steps.catalogue, oss, steps.smq, steps.queue, ask_after=0.1).reclaim_slots
    )
    outcomes = submit_shard(steps.catalogue, oss, batch, 0, SubmitOptions(topic="pipeline", in_flight=2), reclaim_slots)
    assert (outcomes["unknown"], outcomes["accepted"]) == (2, 5)
    assert len(steps.accepted()) == 5


def test_a_retry_looks_into_what_a_killed_process_left_in_every_slot(steps: Steps, wav: Wav) -> None:
    put_five(steps, wav)
    batch = steps.plan("mobile-mp3")
    with steps.catalogue.write() as connection:
        ids = [one.id for one in steps.rows(batch)][:2]
        lease_until = now() + timedelta(seconds=0.5)
        claim(connection, Verb.CLAIM, ids, token="of the dead", lease_until=lease_until, endpoint=steps.oss.endpoint)
    options = SubmitOptions(topic="pipeline", in_flight=2)
    assert submit_shard(steps.catalogue, steps.oss, batch, 0, options, reclaiming(steps)) == {"accepted": 5}
    assert len(steps.accepted()) == 5


def test_what_a_killed_run_half_submitted_holds_its_slots_until_its_tasks_must_be_over(steps: Steps, wav: Wav) -> None:
    put_five(steps, wav)
    killed = steps.plan("mobile-mp3", limit=2)
    deadline = timedelta(hours=1)
    with steps.catalogue.write() as connection:
        ids = [one.id for one in steps.rows(killed)]
        lease_until = now() - deadline + timedelta(minutes=1)
        claim(connection, Verb.CLAIM, ids, token="of the dead", lease_until=lease_until, endpoint=steps.oss.endpoint)
    later = steps.plan()
    options = SubmitOptions(topic="pipeline", in_flight=2, deadline=deadline)
    with pytest.raises(NotYet):
        submit_shard(steps.catalogue, steps.oss, later, 0, options, not_yet)
    assert steps.accepted() == []
    steps.change(lease_until=now() - deadline)
    assert submit_shard(steps.catalogue, steps.oss, later, 0, options, reclaiming(steps)) == {"accepted": 5}
    assert {one.state for one in steps.rows(killed)} == {State.SUBMITTING}


@pytest.mark.parametrize("queue", ["pipeline-queue", None])
def test_a_run_records_what_has_ended_of_a_run_without_waiters(steps: Steps, wav: Wav, queue: str | None) -> None:
    put_five(steps, wav)
    dead = steps.plan("mobile-mp3", limit=2)
    steps.submit(dead, topic="pipeline" if queue else None)
    living = steps.plan()
    options = SubmitOptions(topic="pipeline" if queue else None, in_flight=2)
    assert submit_shard(steps.catalogue, steps.oss, living, 0, options, reclaiming(steps, queue)) == {"accepted": 5}
    assert {one.state for one in steps.rows(dead)} == {State.CONVERTED}


def test_of_all_processes_that_wait_for_slots_of_an_endpoint_one_polls_at_a_time(
    steps: Steps, wav: Wav, oss_proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot_reclaimer, "POLL_EVERY", 3600.0)
    steps.put("a.wav", wav(0.1))
    batch = steps.plan("mobile-mp3")
    oss = replace(steps.oss, endpoint=oss_proxy.address)
    steps.submit(batch, oss=oss, topic=None)

    def lists_after(reclaimer: SlotReclaimer) -> int:
        steps.change(state="submitted")
        reclaimer.reclaim_slots()
        return sum("list-type=2" in line for line in oss_proxy.requests)

    one, other = (SlotReclaimer(steps.catalogue, oss, None, None) for _ in range(2))
    assert [lists_after(reclaimer) for reclaimer in (one, other, one)] == [1, 1, 1]
    with steps.catalogue.write() as connection:
        connection.execute(sa.update(lease).values(until=now()))
    assert [lists_after(reclaimer) for reclaimer in (other, one)] == [2, 2]


@pytest.mark.parametrize("queue", ["pipeline-queue", None])
def test_credentials_that_end_while_slots_are_waited_for_end_the_try(steps: Steps, wav: Wav, queue: str | None) -> None:
    steps.put("a.wav", wav(0.1))
    steps.submit(steps.plan("mobile-mp3"), topic=None)
    refused = replace(steps.oss, access_key_id="replaced"), replace(steps.smq, access_key_id="replaced")
    reclaimer = SlotReclaimer(steps.catalogue, refused[0], refused[1] if queue else None, queue, ask_after=0.0)
    with pytest.raises(OssUnavailable, match="InvalidAccessKeyId"):
        reclaimer.reclaim_slots()
