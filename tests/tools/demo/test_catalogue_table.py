"""The catalogue as the demo prints it."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.reports import ReportRow
from tools.demo.catalogue_table import catalogue_table


def row(key: str, profile: str, **changed: Any) -> ReportRow:
    values: dict[str, Any] = {
        "bucket": "media",
        "key": key,
        "profile": profile,
        "state": State.PUBLISHED,
        "attempt": 1,
        "target_bucket": "media",
        "target_key": f"renditions/{profile}/{key}",
        "source_size": 1_000_000,
        "source_duration": 6.0,
        "codec": "mp3",
        "sample_rate": 44_100,
        "channels": 2,
        "duration": 6.02,
        "bitrate": 128_000,
        "size": 96_000,
        "code": None,
        "message": None,
        "max_attempts": 3,
        "retry_at": None,
        **changed,
    }
    return ReportRow(**values)


def failed(key: str, profile: str, message: str) -> ReportRow:
    nothing = dict.fromkeys(("codec", "sample_rate", "channels", "duration", "bitrate", "size"))
    return row(key, profile, state=State.FAILED, code="InvalidMedia", message=message, **nothing)


def printed(rows: list[ReportRow]) -> list[str]:
    console = Console(file=io.StringIO(), width=180)
    console.print(catalogue_table(rows, "incoming/"))
    assert isinstance(console.file, io.StringIO)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def test_a_rendition_is_a_line_with_its_figures() -> None:
    lines = printed([row("incoming/a.wav", "mobile-mp3")])
    assert "a.wav mobile-mp3 mp3 44,100 2 6.02 s 128k 96,000 90% yes" in lines
    assert "oss://media/renditions/mobile-mp3/incoming/a.wav" in lines[-1]


def test_a_source_is_named_once() -> None:
    lines = printed([row("incoming/a.wav", "mobile-mp3"), row("incoming/a.wav", "web-oga", codec="vorbis")])
    assert sum("a.wav mobile" in line or "a.wav web" in line for line in lines) == 1
    assert any(line.startswith("web-oga vorbis") for line in lines)


def test_failures_that_share_a_reason_share_a_line() -> None:
    rows = [failed("incoming/b.mp3", profile, "not audio") for profile in ("mobile-mp3", "web-oga")]
    assert "b.mp3 2 profiles no InvalidMedia: not audio" in printed(rows)


def test_failures_with_different_reasons_do_not() -> None:
    lines = printed([failed("incoming/b.mp3", "mobile-mp3", "one"), failed("incoming/b.mp3", "web-oga", "two")])
    assert "b.mp3 mobile-mp3 no InvalidMedia: one" in lines
    assert "web-oga no InvalidMedia: two" in lines


def test_a_source_that_failed_in_one_profile_shows_both() -> None:
    lines = printed([row("incoming/c.wav", "mobile-mp3"), failed("incoming/c.wav", "voice-amr-wb", "too quiet")])
    assert any(line.startswith("c.wav mobile-mp3 mp3") for line in lines)
    assert "voice-amr-wb no InvalidMedia: too quiet" in lines


def test_an_unpublished_conversion_shows_its_state() -> None:
    nothing = dict.fromkeys(("codec", "sample_rate", "channels", "duration", "bitrate", "size"))
    assert "a.wav mobile-mp3 submitted" in printed(
        [row("incoming/a.wav", "mobile-mp3", state=State.SUBMITTED, **nothing)]
    )
