"""A service that OSS throttles submits: nothing is lost or repeated too soon, and what it takes is written down."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.schema import conversion
from oss_audio_core.pipeline.submitting import rate_limiter, throttle
from oss_audio_core.pipeline.submitting.errors import NoAnswer

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps
    from tests.include.oss_audio_core.pipeline.proxy import Proxy

Wav = Callable[..., bytes]
POST = b"x-oss-async-process"


def test_a_throttled_submit_is_repeated_after_a_pause(
    steps: Steps, wav: Wav, oss_proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limiter, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(rate_limiter, "SHORTEST_PAUSE", 0.01)
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    oss_proxy.refuse(POST, "503 Service Unavailable", "QpsLimitExceeded")
    oss_proxy.refuse(POST, "429 Too Many Requests", "Whatever")
    outcomes = steps.submit(batch, oss=replace(steps.oss, endpoint=oss_proxy.address))
    assert outcomes == {"not taken": 2, "accepted": 1}
    assert steps.row().attempt == 1
    assert len(steps.accepted()) == 1


def test_throttled_answers_of_one_turn_are_one_pause(
    steps: Steps, wav: Wav, oss_proxy: Proxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rate_limiter, "LONGEST_PAUSE", 0.3)
    monkeypatch.setattr(rate_limiter, "SHORTEST_PAUSE", 0.3)
    for number in range(6):
        steps.put(f"{number}.wav", wav())
        marker = f"{number}.wav?x-oss-async-process".encode()
        oss_proxy.refuse(marker, "503 Service Unavailable", "QpsLimitExceeded")
    batch = steps.plan("mobile-mp3")
    outcomes = steps.submit(batch, oss=replace(steps.oss, endpoint=oss_proxy.address), concurrency=6)
    assert outcomes == {"not taken": 6, "accepted": 6}
    assert caplog.text.count("OSS throttles submits") == 1


def test_what_is_accepted_during_a_pause_is_written_down_at_once(steps: Steps, wav: Wav, oss_proxy: Proxy) -> None:
    for name in ("a.wav", "b.wav"):
        steps.put(name, wav())
    batch = steps.plan("mobile-mp3")

    def slowly(answer: bytes) -> bytes:
        time.sleep(0.3)
        return answer

    oss_proxy.refuse(b"a.wav?x-oss-async-process", "503 Service Unavailable", "QpsLimitExceeded")
    oss_proxy.spoil(b"b.wav?x-oss-async-process", slowly)
    steps.submit(batch, oss=replace(steps.oss, endpoint=oss_proxy.address))
    paused, accepted = steps.rows(batch)
    with steps.catalogue.read() as connection:
        written_at = connection.scalar(sa.select(conversion.c.changed_at).where(conversion.c.id == accepted.id))
    assert paused.claimed_at is not None
    assert written_at is not None
    assert written_at < paused.claimed_at


def test_endless_throttling_ends(steps: Steps, wav: Wav, oss_proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_limiter, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(rate_limiter, "SHORTEST_PAUSE", 0.01)
    monkeypatch.setattr(throttle, "GIVE_UP_AFTER", 0.1)
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    for _ in range(1000):
        oss_proxy.refuse(POST, "503 Service Unavailable", "QpsLimitExceeded")
    with pytest.raises(NoAnswer, match=r"taken no submit for.*QpsLimitExceeded"):
        steps.submit(batch, oss=replace(steps.oss, endpoint=oss_proxy.address))
    assert steps.row().state is State.PLANNED
    assert steps.submit(batch) == {"accepted": 1}
