"""The pace of submits: unlimited or at a ceiling, halved by a refusal, recovering with peace."""

from __future__ import annotations

import pytest

from oss_audio_core.pipeline.submitting.rate_limiter import LONGEST_PAUSE, RECOVERY, AdaptiveRateLimiter


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def sent_within(rate: AdaptiveRateLimiter, clock: Clock, seconds: float, *, step: float = 0.01) -> int:
    """How many requests go out in some seconds when there is always one to send."""
    end, sent = clock.at + seconds, 0
    while clock.at < end:
        sent += rate.allowed(1)
        clock.at += step
    return sent


def test_without_a_ceiling_everything_goes_out_at_once(clock: Clock) -> None:
    rate = AdaptiveRateLimiter(clock=clock)
    assert rate.allowed(16) == 16
    rate.on_success()
    assert rate.allowed(1000) == 1000
    assert rate.per_second is None


def test_a_ceiling_is_kept(clock: Clock) -> None:
    rate = AdaptiveRateLimiter(20, clock)
    assert sent_within(rate, clock, 5) == pytest.approx(100, rel=0.1)


def test_a_refusal_halves_what_really_went_out(clock: Clock) -> None:
    rate = AdaptiveRateLimiter(clock=clock)
    for _ in range(50):
        rate.allowed(4)
        clock.at += 0.1
    assert rate.on_throttled(clock.at)
    assert rate.per_second == pytest.approx(20, rel=0.05)
    assert rate.wait() >= 1
    assert rate.allowed(4) == 0
    clock.at += 1
    assert sent_within(rate, clock, 5, step=0.001) == pytest.approx(100, rel=0.1)


def test_refusals_of_one_burst_halve_once(clock: Clock) -> None:
    rate = AdaptiveRateLimiter(clock=clock)
    rate.allowed(16)
    sent_at = clock.at
    clock.at += 0.2
    assert [rate.on_throttled(sent_at) for _ in range(16)] == [True] + 15 * [False]


def test_it_never_stops_for_good_and_recovers(clock: Clock) -> None:
    rate = AdaptiveRateLimiter(40, clock)
    for _ in range(20):
        rate.allowed(1)
        clock.at += 1
        rate.on_throttled(clock.at)
    assert rate.per_second == pytest.approx(1 / LONGEST_PAUSE)
    assert rate.wait() <= LONGEST_PAUSE
    clock.at += RECOVERY
    rate.on_success()
    assert rate.per_second == pytest.approx(2 / LONGEST_PAUSE)
    for _ in range(20):
        clock.at += RECOVERY
        rate.on_success()
    assert rate.per_second == 40
