"""What an answer to a submit proves: only OSS itself, by an error of its own, says that it took nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.database import now
from oss_audio_core.pipeline.submitting import claims, posting, rate_limiter, shard_submitter
from tests.include.oss_audio_core.pipeline.proxy import refusal

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps
    from tests.include.oss_audio_core.pipeline.proxy import Proxy

Wav = Callable[..., bytes]
POST = b"x-oss-async-process"


def of_a_gateway(status: str, body: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return f"{head}{body}".encode()


@pytest.mark.parametrize(
    "answer",
    [
        of_a_gateway("400 Bad Request", "<html><body>Bad Request</body></html>"),
        of_a_gateway("403 Forbidden", ""),
        of_a_gateway("404 Not Found", "no such page"),
        of_a_gateway("499 Client Closed Request", "<Error><Message>no code</Message></Error>"),
    ],
)
def test_a_4xx_that_is_no_error_of_oss_proves_nothing(steps: Steps, wav: Wav, oss_proxy: Proxy, answer: bytes) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    oss_proxy.spoil(POST, lambda _: answer)
    oss = replace(steps.oss, endpoint=oss_proxy.address, connect_timeout=0.1, read_timeout=0.5)
    outcomes = steps.submit(batch, oss=oss)
    assert outcomes["unknown"] == 1
    assert outcomes["accepted"] + outcomes["found"] == 1
    assert len(steps.accepted()) == 1
    assert steps.row().attempt == 1


@pytest.mark.parametrize(
    "answer",
    [
        refusal("400 Bad Request", "RequestTimeout", "Your socket connection to the server was not read from"),
        refusal("408 Request Timeout", "Whatever"),
        of_a_gateway("408 Request Timeout", ""),
        of_a_gateway("429 Too Many Requests", ""),
    ],
)
def test_a_submit_that_did_not_arrive_whole_is_repeated_after_a_pause(
    steps: Steps, wav: Wav, oss_proxy: Proxy, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limiter, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(rate_limiter, "SHORTEST_PAUSE", 0.01)
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    oss_proxy.spoil(POST, lambda _: answer, forward=False)
    assert steps.submit(batch, oss=replace(steps.oss, endpoint=oss_proxy.address)) == {"not taken": 1, "accepted": 1}
    assert (steps.row().state, steps.row().attempt) == (State.SUBMITTED, 1)


def test_a_post_that_may_be_connecting_when_its_claim_ends_is_not_sent(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    connect, read = 30.0, 10.0
    lease = 3 * connect + sum(posting.PAUSES) + read + shard_submitter.LEASE_MARGIN
    # When the POST is to go out there is time for the answer, but not for a slow connection before it.
    claimed = [now() - timedelta(seconds=lease - read - connect / 2)]
    monkeypatch.setattr(claims, "now", lambda: claimed.pop() if claimed else now())
    oss = replace(steps.oss, connect_timeout=connect, read_timeout=read)
    assert steps.submit(batch, oss=oss) == {"not sent": 1, "accepted": 1}
    assert len(steps.accepted()) == 1


@pytest.mark.parametrize("body", ['{"TaskId": "' + "7" * 8000 + '"}', '{"TaskId": 7}', '{"TaskId": ""}', "[]", "{}"])
def test_an_answer_without_a_usable_task_id_is_looked_for_by_its_key(
    steps: Steps, wav: Wav, oss_proxy: Proxy, body: str
) -> None:
    steps.put("a.wav", wav())
    batch = steps.plan("mobile-mp3")
    oss_proxy.spoil(POST, lambda _: of_a_gateway("200 OK", body))
    outcomes = steps.submit(
        batch, oss=replace(steps.oss, endpoint=oss_proxy.address, connect_timeout=0.1, read_timeout=0.5)
    )
    assert outcomes["unknown"] == 1
    assert outcomes["accepted"] + outcomes["found"] == 1
    assert len(steps.accepted()) == 1
