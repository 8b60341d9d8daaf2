"""The note of a run: counts in files first, then reasons, then what was saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from oss_audio_core.catalogue.reports import Failures, Files, Volume
from oss_audio_core.pipeline.reporting import build_report
from oss_audio_core.pipeline.run_note import LONGEST, run_note
from tests.include.oss_audio_core.pipeline.conftest import Steps

Wav = Callable[..., bytes]


def test_a_night_with_a_failure_and_the_same_night_again(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav(3.0))
    steps.put("bad.wav", b"no audio at all")
    batch = steps.plan("mobile-mp3", "voice-amr-nb")
    steps.submit(batch)
    steps.wait(batch)
    steps.verify(batch)
    steps.publish(batch)
    lines = run_note(build_report(steps.catalogue, batch)).split("\n")
    assert lines[0] == "2 files: 1 published, 1 failed."
    assert lines[1] == "2 of 4 conversions failed (50 %): InvalidMedia 2."
    assert lines[2].endswith("in place of 93.8 KiB.")
    assert " % saved: " in lines[2]
    quiet = build_report(steps.catalogue, steps.plan("mobile-mp3", "voice-amr-nb"))
    assert run_note(quiet) == "2 sources listed, nothing new to convert."


def test_many_reasons_are_cut_and_a_dry_run_says_so(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav())
    report = build_report(steps.catalogue, steps.plan("mobile-mp3"))
    assert run_note(report) == "1 files: 1 unfinished."
    codes = {f"Code{number}": 10 - number for number in range(5)}
    many = replace(
        report,
        files=Files(40, 40, 0, 0),
        failures=replace(Failures(report.failures.reasons, []), reasons=type(report.failures.reasons)(codes)),
        volume=Volume(0.0, 0.0, 0, 0, 0),
    )
    assert ": Code0 10, Code1 9, Code2 8, and 2 more reasons." in run_note(many)
    odd = replace(many, failures=Failures(type(report.failures.reasons)({"x" * 3000 + "\x1b[31m": 1}), []))
    assert len(run_note(odd)) <= LONGEST
    assert "\x1b" not in run_note(odd)
    dry = replace(report, batch=replace(report.batch, dry_run=True))
    assert run_note(dry) == "Dry run: 1 sources listed, nothing was submitted."
