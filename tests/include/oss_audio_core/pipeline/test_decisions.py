"""Each decision is of one kind: left alone, joined, retried or begun anew; a plan counts what it wants."""

from __future__ import annotations

from collections import Counter

from oss_audio_core.pipeline.decisions import FRESH, LEFT_ALONE, NOT_SHOWN, PAID, SKIPPED, Decision, Plan


def test_the_kinds_of_decisions_do_not_overlap() -> None:
    assert not FRESH & LEFT_ALONE
    assert SKIPPED.keys() < FRESH
    assert not PAID & NOT_SHOWN
    assert set(Decision) - FRESH - LEFT_ALONE == {Decision.RETRY, Decision.REQUEUED, Decision.JOINED}


def test_a_plan_wants_all_but_what_is_left_alone() -> None:
    decisions = {Decision.NEW: 3, Decision.JOINED: 2, Decision.EMPTY: 1, Decision.BUSY: 5, Decision.OWNER_UNKNOWN: 7}
    assert Plan(decisions=Counter({one.value: count for one, count in decisions.items()})).wanted == 6
