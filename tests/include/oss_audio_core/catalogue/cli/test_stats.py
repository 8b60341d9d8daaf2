"""`failures`, `savings` and `missing`."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.catalogue import State

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library


RunCommand = Callable[..., tuple[int, str, str]]


NIGHT = datetime(2026, 3, 2, tzinfo=UTC)


def test_what_failed_and_why(library: Library, run_command: RunCommand) -> None:
    library.night()
    (reason,) = json.loads(run_command("failures", "--json")[1])
    assert (reason["code"], reason["count"], reason["message"]) == ("InvalidAudio", 1, "no audio in it")
    (failure,) = json.loads(run_command("failures", "--code", "InvalidAudio", "--json")[1])
    assert (failure["key"], failure["profile"], failure["state"]) == ("songs/b.wav", "mobile-mp3", "failed")
    assert json.loads(run_command("failures", "--since", "1h", "--json")[1]) == []


@pytest.mark.parametrize(
    ("state", "attempt", "promised"),
    [("failed", 2, True), ("failed", 3, False), ("quarantined", 3, False), ("dead", 3, False)],
)
def test_a_next_try_is_shown_only_where_attempts_are_left(
    library: Library, run_command: RunCommand, state: str, attempt: int, promised: bool
) -> None:
    asked = {"code": "InvalidAudio", "attempt": attempt, "max_attempts": 3, "retry_at": NIGHT}
    library.add("songs/b.wav", state=State(state), asked=asked)
    for command in (["failures", "--code", "InvalidAudio"], ["list", "--state", state]):
        told = json.loads(run_command(*command, "--json")[1])
        (failure,) = told["rows"] if isinstance(told, dict) else told
        assert (failure["attempt"], failure["max_attempts"]) == (attempt, 3)
        assert (failure["retry_at"] is not None) is promised


def test_how_many_bytes_were_saved(library: Library, run_command: RunCommand) -> None:
    library.night()
    found = json.loads(run_command("savings", "--json")[1])
    assert [(one["profile"], one["renditions"], one["saved"], one["saved_percent"]) for one in found] == [
        ("archive-flac", 2, 900, 45.0),
        ("mobile-mp3", 1, 900, 90.0),
        ("all", 3, 1800, 60.0),
    ]


def test_which_sources_have_no_mp3(library: Library, run_command: RunCommand) -> None:
    library.night()
    by_codec = json.loads(run_command("missing", "mp3", "--codec", "--json")[1])
    assert [one["key"] for one in by_codec] == ["songs/b.wav"]
    (by_profile,) = json.loads(run_command("missing", "mobile-mp3", "--json")[1])
    assert (by_profile["key"], by_profile["state"], by_profile["message"]) == (
        "songs/b.wav",
        "failed",
        "no audio in it",
    )
    assert json.loads(run_command("missing", "archive-flac", "--json")[1]) == []
    assert json.loads(run_command("missing", "mobile-mp3", "--prefix", "oss://media/songs/a", "--json")[1]) == []


def test_a_format_is_asked_for_by_the_name_people_know(library: Library, run_command: RunCommand) -> None:
    library.add("songs/c.wav", profile="voice", codec="amr_wb")
    library.add("songs/d.wav", profile="web", codec="vorbis")
    lacking = {name: json.loads(run_command("missing", name, "--codec", "--json")[1]) for name in ("amr", "oga", "ogg")}
    assert [one["key"] for one in lacking["amr"]] == ["songs/d.wav"]
    assert [one["key"] for one in lacking["oga"]] == [one["key"] for one in lacking["ogg"]] == ["songs/c.wav"]


def test_a_name_that_is_neither_codec_nor_profile_is_explained(library: Library, run_command: RunCommand) -> None:
    library.night()
    status, _, complaint = run_command("missing", "mp4", "--codec")
    assert status == 2
    assert "no codec of a rendition" in complaint
    assert "a codec needs --codec" in run_command("missing", "mp3")[2]
    assert "nothing was ever asked for with a profile 'mp4'" in run_command("missing", "mp4")[2]
    assert "ever asked for" not in run_command("missing", "mobile-mp3")[2]
