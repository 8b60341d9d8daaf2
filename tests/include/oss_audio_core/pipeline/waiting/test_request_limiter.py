"""Rounds of polling come one at a time, in their order and at one pace."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from oss_audio_core.pipeline.waiting import request_limiter
from oss_audio_core.pipeline.waiting.request_limiter import RequestLimiter


def test_all_rounds_together_keep_to_the_stated_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]

    async def sleep(seconds: float) -> None:
        clock[0] += max(0.0, seconds)

    monkeypatch.setattr(request_limiter, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    monkeypatch.setattr("asyncio.sleep", sleep)
    began: list[tuple[int, float]] = []

    async def rounds() -> None:
        limiter = RequestLimiter()

        async def ask(number: int) -> None:
            async with limiter.acquire():
                began.append((number, clock[0]))
                limiter.charge(200)

        await asyncio.gather(*(ask(number) for number in range(10)))

    asyncio.run(rounds())
    # Ten rounds of two hundred requests: ten a second, first come, first served.
    assert began == [(number, 20.0 * number) for number in range(10)]
