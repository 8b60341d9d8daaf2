"""A batch and one whose notifications were disturbed are compared: each difference is named."""

from __future__ import annotations

from dataclasses import replace

from tools.chaos.notifications import ALLOWANCE, ASK_AFTER, BatchResult, differences

CALM = BatchResult(
    {"a.wav": ("published", None, "E1", 10), "b.wav": ("failed", "Unreadable", None, None)}, 30.0, 60.0, 2
)


def test_an_equal_batch_within_the_interval_has_no_differences() -> None:
    assert differences(CALM, replace(CALM, waited=30.0 + ASK_AFTER), 2) == []


def test_a_batch_that_ended_after_the_interval_is_named() -> None:
    assert "longer" in differences(CALM, replace(CALM, waited=30.1 + ASK_AFTER + ALLOWANCE), 2)[0]


def test_another_end_of_a_source_is_named() -> None:
    other = {**CALM.result, "b.wav": ("submitted", None, None, None)}
    assert "b.wav" in differences(CALM, replace(CALM, result=other), 2)[0]
    assert any("a.wav" in one for one in differences(CALM, replace(CALM, result={"b.wav": CALM.result["b.wav"]}), 2))


def test_a_conversion_that_was_accepted_twice_is_named() -> None:
    assert "3 conversions were accepted" in differences(CALM, replace(CALM, accepted=3), 2)[0]


def test_a_source_that_neither_batch_has_is_named() -> None:
    assert differences(CALM, CALM, 3)[0] == "calm: of 3 sources the catalogue has 2"
    nothing = BatchResult({}, 0.0, 0.0, 0)
    assert len(differences(nothing, nothing, 2)) == 4
