"""Submits whose answers were lost: what became of each is found out, however many tasks the service lists."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import State, Verb
from oss_audio_core.catalogue.conversions import claim, retry
from oss_audio_core.catalogue.database import now
from oss_audio_core.catalogue.inbox import fail
from oss_audio_core.catalogue.schema import conversion
from oss_audio_core.oss import OssSettings, imm
from oss_audio_core.pipeline.submitting.errors import NoAnswer
from oss_audio_core.pipeline.submitting.lost_submit_finder import GIVE_UP_AFTER

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps
    from tests.include.oss_audio_core.pipeline.proxy import Proxy

Wav = Callable[..., bytes]
POST = b"x-oss-async-process"
LIST = b"ListTasks"


def hurried(settings: OssSettings, endpoint: str) -> OssSettings:
    return replace(settings, endpoint=endpoint, connect_timeout=0.1, read_timeout=0.5)


def refused_list(_: bytes) -> bytes:
    """An answer of IMM to which no second try gets another one."""
    body = json.dumps({"Code": "InvalidArgument", "Message": "said the test", "RequestId": "1"}).encode()
    head = f"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n".encode() + body


def claimed_by_the_dead(steps: Steps, batch: int) -> None:
    """Whatever a batch has planned was claimed by a process that died before any POST; the leases are over."""
    with steps.catalogue.write() as connection:
        for one in [one for one in steps.rows(batch) if one.state is State.PLANNED]:
            claim(connection, Verb.CLAIM, [one.id], token="of the dead", lease_until=now() - timedelta(seconds=1))
            key = f".staging/{steps.prefix}0/{one.id}-1.mp3"
            placed = sa.update(conversion).where(conversion.c.id == one.id)
            connection.execute(placed.values(output_bucket=one.target_bucket, output_key=key))


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imm, "PAGE", 2)
    monkeypatch.setattr(imm, "LIST_EVERY", 0.0)


@pytest.mark.usefixtures("small_pages")
def test_a_claim_of_the_dead_is_submitted_once_after_more_tasks_than_a_page_holds(steps: Steps, wav: Wav) -> None:
    for number in range(4):
        steps.put(f"{number}.wav", wav(0.1))
    steps.submit(steps.plan("mobile-mp3"))
    steps.put("lost.wav", wav(0.1))
    batch = steps.plan("mobile-mp3")
    claimed_by_the_dead(steps, batch)
    assert steps.submit(batch) == {"accepted": 1}
    assert len(steps.accepted()) == 5


def test_the_tasks_of_all_lost_submits_are_looked_for_by_one_walk(steps: Steps, wav: Wav, imm_proxy: Proxy) -> None:
    for number in range(5):
        steps.put(f"{number}.wav", wav(0.1))
    batch = steps.plan("mobile-mp3")
    claimed_by_the_dead(steps, batch)
    assert steps.submit(batch, oss=replace(steps.oss, imm_endpoint=imm_proxy.address)) == {"accepted": 5}
    walks = [line for line in imm_proxy.requests if "StartTimeRange" in line and "NextToken" not in line]
    assert len(walks) == 1
    assert len(steps.accepted()) == 5


def test_claims_of_another_night_are_looked_for_in_their_own_time(steps: Steps, wav: Wav, imm_proxy: Proxy) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav(0.1))
    batch = steps.plan("mobile-mp3")
    claimed_by_the_dead(steps, batch)
    with steps.catalogue.write() as connection:
        older = sa.update(conversion).where(conversion.c.key == f"{steps.prefix}b.wav")
        connection.execute(older.values(claimed_at=now() - timedelta(days=1)))
    assert steps.submit(batch, oss=replace(steps.oss, imm_endpoint=imm_proxy.address)) == {"accepted": 3}
    walks = [line for line in imm_proxy.requests if "StartTimeRange" in line and "NextToken" not in line]
    assert len(walks) == 2
    assert len(steps.accepted()) == 3


def test_an_output_is_adopted_whatever_the_list_of_tasks_says(
    steps: Steps, wav: Wav, imm_proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    lost = [f"{number}.wav" for number in range(GIVE_UP_AFTER)]
    for name in (*lost, "paid.wav"):
        steps.put(name, wav(0.1))
    batch = steps.plan("mobile-mp3")
    claimed_by_the_dead(steps, batch)
    *undecidable, paid = steps.rows(batch)
    steps.oss.bucket(steps.bucket).put_object(paid.output_key, b"an output")
    imm_proxy.spoil(LIST, refused_list, forward=False)
    with pytest.raises(NoAnswer, match=rf"tasks of {GIVE_UP_AFTER} lost submits of sources in oss://.*said the test"):
        steps.submit(batch, oss=replace(steps.oss, imm_endpoint=imm_proxy.address))
    assert caplog.text.count("said the test") == 1
    assert {one.key: one.state for one in steps.rows(batch)} == {
        paid.key: State.CONVERTED,
        **{one.key: State.SUBMITTING for one in undecidable},
    }
    assert steps.accepted() == []
    steps.change(lease_until=now() - timedelta(seconds=1))
    assert steps.submit(batch) == {"accepted": GIVE_UP_AFTER}


def test_outputs_that_may_not_be_asked_for_keep_no_other_one_from_being_found(
    steps: Steps, wav: Wav, oss_proxy: Proxy
) -> None:
    for number in range(GIVE_UP_AFTER + 1):
        steps.put(f"{number}.wav", wav(0.1))
    batch = steps.plan("mobile-mp3")
    claimed_by_the_dead(steps, batch)
    *undecidable, paid = steps.rows(batch)
    steps.oss.bucket(steps.bucket).put_object(paid.output_key, b"an output")
    for one in undecidable:
        oss_proxy.refuse(f"{one.id}-1.mp3".encode(), "403 Forbidden", "AccessDenied")
    with pytest.raises(NoAnswer, match=r"Looking for the output of a lost submit, oss://.*not permitted"):
        steps.submit(batch, oss=replace(steps.oss, endpoint=oss_proxy.address))
    assert [one.state for one in steps.rows(batch)] == [*(State.SUBMITTING for _ in undecidable), State.CONVERTED]
    assert steps.accepted() == []


def test_an_oss_that_answers_nothing_is_not_asked_for_every_output(
    steps: Steps, wav: Wav, oss_proxy: Proxy, imm_proxy: Proxy
) -> None:
    for number in range(GIVE_UP_AFTER + 1):
        steps.put(f"{number}.wav", wav(0.1))
    batch = steps.plan("mobile-mp3")
    claimed_by_the_dead(steps, batch)
    oss_proxy.refuse(b"HEAD", "500 Internal Server Error", "InternalError", times=100)
    through = replace(steps.oss, endpoint=oss_proxy.address, imm_endpoint=imm_proxy.address)
    with pytest.raises(NoAnswer, match="can't serve now"):
        steps.submit(batch, oss=through)
    assert len({line for line in oss_proxy.requests if line.startswith("HEAD")}) == GIVE_UP_AFTER
    assert {one.state for one in steps.rows(batch)} == {State.SUBMITTING}
    assert not [line for line in imm_proxy.requests if "StartTimeRange" in line]


@pytest.mark.usefixtures("small_pages")
def test_a_walk_that_breaks_off_repeats_no_submit(steps: Steps, oss_proxy: Proxy, imm_proxy: Proxy, wav: Wav) -> None:
    direct = replace(steps.profile, publish="direct", target_key=f"direct/{steps.prefix}{{barename}}.mp3")
    for number in range(4):
        steps.put(f"{number}.wav", wav())
    batch = steps.plan(profiles=[direct])
    oss_proxy.spoil(b"0.wav?x-oss-async-process", lambda _: b"", reset=True)
    imm_proxy.spoil(b"NextToken", refused_list, forward=False)
    through = replace(hurried(steps.oss, oss_proxy.address), imm_endpoint=imm_proxy.address)
    with pytest.raises(NoAnswer, match="said the test"):
        steps.submit(batch, oss=through, concurrency=1)
    steps.change(lease_until=now() - timedelta(seconds=1))
    assert steps.submit(batch)["accepted"] >= 1
    assert len(steps.accepted()) == 4


@pytest.mark.usefixtures("small_pages")
def test_a_walk_that_outlasts_its_claims_keeps_them(steps: Steps, wav: Wav, imm_proxy: Proxy) -> None:
    for number in range(4):
        steps.put(f"{number}.wav", wav(0.1))
    steps.submit(steps.plan("mobile-mp3"))
    steps.put("lost.wav", wav(0.1))
    batch = steps.plan("mobile-mp3")
    claimed_by_the_dead(steps, batch)
    ends: list[datetime] = []

    def slow(page: bytes) -> bytes:
        with steps.catalogue.read() as connection:
            held = sa.select(conversion.c.lease_until).where(conversion.c.state == State.SUBMITTING.value)
            ends.append(connection.scalars(held).one())
        if len(ends) == 1:
            time.sleep(0.7)
        return page

    imm_proxy.spoil(LIST, slow, times=50)
    through = replace(hurried(steps.oss, steps.oss.endpoint), imm_endpoint=imm_proxy.address, read_timeout=1.0)
    assert steps.submit(batch, oss=through) == {"accepted": 1}
    assert ends[-1] > ends[0]
    assert len(steps.accepted()) == 5


@pytest.mark.parametrize("again", ["changed", "retried", "retried and changed", "superseded during its POST"])
def test_a_lost_direct_submit_is_not_taken_for_a_task_before_it(
    steps: Steps, oss_proxy: Proxy, wav: Wav, again: str, caplog: pytest.LogCaptureFixture
) -> None:
    direct = replace(steps.profile, publish="direct", target_key=f"direct/{steps.prefix}{{barename}}.mp3")
    steps.put("a.wav", wav())
    batch = steps.plan(profiles=[direct])
    tasks = []

    def change() -> int:
        steps.put("a.wav", wav(pitch=7))
        return steps.plan(profiles=[direct])

    def change_meanwhile(answer: bytes) -> bytes:
        nonlocal batch
        batch = change()
        return answer

    if again == "superseded during its POST":
        oss_proxy.spoil(POST, change_meanwhile)
        with caplog.at_level(logging.WARNING):
            assert steps.submit(batch, oss=replace(steps.oss, endpoint=oss_proxy.address))["accepted"] == 0
        superseded = steps.rows()[0]
        assert superseded.state is State.SUPERSEDED
        assert superseded.task_id is not None
        assert superseded.task_id in caplog.text
        tasks.append(superseded.task_id)
    else:
        steps.submit(batch)
        tasks.append(steps.row().task_id)
    if "retried" in again:
        with steps.catalogue.write() as connection:
            fail(connection, steps.row().this_attempt, "X", "said the test")
            retry(connection, [steps.row().id])
    if again == "retried and changed":
        steps.submit(batch)
        tasks.append(steps.row().task_id)
    if again.endswith("changed"):
        batch = change()
    oss_proxy.spoil(POST, lambda _: b"", forward=False, reset=True)
    assert steps.submit(batch, oss=hurried(steps.oss, oss_proxy.address))["accepted"] == 1
    assert steps.rows(batch)[0].task_id not in {None, *tasks}
    assert len(steps.accepted()) == 1 + len(tasks)
