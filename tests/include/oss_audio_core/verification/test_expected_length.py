"""Lengths with tolerances: what they hold, and what they say of a measured one."""

from __future__ import annotations

import pytest

from oss_audio_core.verification.expected_length import ExpectedLength, ExpectedLengths

ONE = ExpectedLengths((ExpectedLength("decoded samples", 5.0, 0.001, 0.002),))
TWO = ExpectedLengths((*ONE.every, ExpectedLength("timestamps", 4.984, 0.001, 0.002)))


@pytest.mark.parametrize(
    ("seconds", "held"),
    [(5.0, True), (4.9991, True), (4.998, False), (5.0019, True), (5.003, False), (4.984, False)],
)
def test_one_length_holds_what_is_within_its_tolerance(seconds: float, held: bool) -> None:
    assert ONE.hold(seconds) is held


def test_several_hold_each_and_nothing_between() -> None:
    assert [seconds for seconds in (5.0, 4.984, 4.992, 4.5) if TWO.hold(seconds)] == [5.0, 4.984]
    assert (TWO.likeliest, TWO.shortest, TWO.longest) == (5.0, 4.984, 5.002)


def test_a_wider_tolerance_leaves_the_lengths() -> None:
    wide = ONE.widened(shorter_by=0.01, longer_by=0.02)
    assert (wide.likeliest, wide.hold(4.99), wide.hold(5.02), wide.hold(5.03)) == (5.0, True, True, False)


def test_which_of_several_it_is_is_said() -> None:
    assert str(ONE) == "5.000 s (-1 to +2 ms)"
    assert ONE.described(5.0) == "5.000 s"
    assert str(TWO) == (
        "5.000 s (-1 to +2 ms) by the source's decoded samples or 4.984 s (-1 to +2 ms) by the source's timestamps"
    )
    assert TWO.described(4.985) == "4.985 s, that of the source's timestamps"
    assert TWO.described(4.5) == "4.500 s"
