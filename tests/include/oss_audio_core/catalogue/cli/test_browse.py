"""`list` and `show`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from oss_audio_core.catalogue.cli.connect import moment

if TYPE_CHECKING:
    from tests.include.oss_audio_core.catalogue.conftest import Library
from typing import TYPE_CHECKING

RunCommand = Callable[..., tuple[int, str, str]]


def test_a_source_with_its_renditions_history_and_manifest(library: Library, run_command: RunCommand) -> None:
    library.night()
    found = json.loads(run_command("show", "oss://media/songs/a.wav", "--json")[1])
    assert [one["etag"] for one in found["contents"]] == ["S1"]
    assert [(one["rung"], one["profile"]) for one in found["renditions"]] == [(1, "mobile-mp3"), (2, "archive-flac")]
    assert [(one["profile"], one["number"], one["state"]) for one in found["history"]] == [
        ("archive-flac", 1, "published"),
        ("mobile-mp3", 1, "published"),
    ]
    status, out, _ = run_command("show", "songs/b.wav")
    assert status == 0
    assert "no audio in it" in out
    manifest = json.loads(run_command("show", "songs/a.wav", "--manifest")[1])
    assert (manifest["version"], manifest["source"]["uri"]) == (1, "oss://media/songs/a.wav")
    assert [(one["uri"], one["size"]) for one in manifest["renditions"]] == [
        ("oss://media/renditions/mobile-mp3/songs/a.wav.mp3", 100),
        ("oss://media/renditions/archive-flac/songs/a.wav.flac", 600),
    ]


def test_showing_an_unknown_source_is_refused(library: Library, run_command: RunCommand) -> None:
    library.night()
    status, out, complaint = run_command("show", "songs/c.wav")
    assert (status, out) == (1, "")
    assert complaint.startswith("error: no source songs/c.wav was ever listed")


def test_pages_and_states(library: Library, run_command: RunCommand) -> None:
    library.night()
    first = json.loads(run_command("list", "--limit", "2", "--json")[1])
    second = json.loads(run_command("list", "--limit", "2", "--json", "--after", first["after"])[1])
    assert (len(first["rows"]), len(second["rows"]), second["after"]) == (2, 1, None)
    status, _, complaint = run_command("list", "--prefix", "songs/", "--after", first["after"] + "x")
    assert (status, complaint[:12]) == (1, "error: this ")
    failed = json.loads(run_command("list", "--state", "failed", "--json")[1])
    assert [(one["key"], one["code"]) for one in failed["rows"]] == [("songs/b.wav", "InvalidAudio")]
    assert run_command("list", "--prefix", "songs/b")[1].count("\n") == 2
    assert "more: --after" in run_command("list", "--limit", "1")[2]


def test_a_time_that_is_none_is_refused(run_command: RunCommand, library: Library) -> None:
    library.night()
    status, _, complaint = run_command("list", "--since", "yesterday")
    assert status == 2
    assert "is no time" in complaint
    assert moment("7d") is not None


def test_what_was_published_last_night(library: Library, run_command: RunCommand) -> None:
    library.night()
    status, out, _ = run_command("list", "--since", "2026-03-01T00:00", "--until", "2026-03-02")
    header, *lines = out.splitlines()
    assert (status, header.split("\t")[:3]) == (0, ["published_at", "source_key", "profile"])
    assert [line.split("\t")[1:3] for line in lines] == [
        ["songs/b.wav", "archive-flac"],
        ["songs/a.wav", "archive-flac"],
        ["songs/a.wav", "mobile-mp3"],
    ]
    assert run_command("list", "--since", "24h")[1].splitlines() == [header]
