"""What a verdict is made of its checks, and how it is stored."""

from __future__ import annotations

import json

from oss_audio_core.verification.checks import ESSENTIAL, Verdict, check, not_checked

ESSENTIALS = tuple(check(name, "this", "this", right=True) for name in sorted(ESSENTIAL))


def test_all_essential_checks_make_a_pass_and_others_may_be_missing() -> None:
    verdict = Verdict((*ESSENTIALS, not_checked("loudness", "-23 LUFS", "it was not decoded")))
    assert (verdict.decision, verdict.passed, verdict.reason) == ("passed", True, "")


def test_an_essential_check_that_could_not_be_made_leaves_it_undecided() -> None:
    for name in ESSENTIAL:
        checks = (*(one for one in ESSENTIALS if one.name != name), not_checked(name, "this", "not read"))
        assert (Verdict(checks).decision, Verdict(checks).passed) == ("undecided", False)


def test_one_failure_decides_whatever_is_missing() -> None:
    verdict = Verdict((check("codec", "mp3", "aac", right=False), check("size", "1", "2", right=False)))
    assert verdict.decision == "failed"
    assert verdict.reason == "codec: expected mp3, measured aac; size: expected 1, measured 2"
    assert verdict["size"].failed


def test_a_stored_verdict_is_read_back() -> None:
    verdict = Verdict((*ESSENTIALS, not_checked("tail", "a whole frame", "not reached")))
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict
