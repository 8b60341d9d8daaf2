"""A source that is damaged by its own checksums is found; one that is only odd gets a note."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from oss_audio_core.verification import inspect, probe
from oss_audio_core.verification.source_damage import source_damage_check, source_is_complete, source_notes

SECONDS = 4.0
CHECKED = ("flac", "tta", "wv")

Make = Callable[..., Path]


def judged(path: Path) -> tuple[str, str]:
    """The verdict of the check, and what was measured."""
    found = inspect(path, loudness=False, true_peak=False, follows_changes=True)
    check = source_damage_check(probe(path), found)
    return check.verdict, check.measured


def changed(path: Path, tmp_path: Path, change: Callable[[bytearray], None]) -> Path:
    """A copy of a file with other bytes."""
    data = bytearray(path.read_bytes())
    change(data)
    target = tmp_path / f"changed{path.suffix}"
    target.write_bytes(data)
    return target


def one_bit(data: bytearray) -> None:
    data[len(data) // 3] ^= 0x10


def tag(data: bytearray) -> None:
    data += b"TAG" + b"x" * 125


@pytest.mark.parametrize("kind", CHECKED)
def test_a_whole_source_is_right(kind: str, make_audio: Make) -> None:
    assert judged(make_audio(f"whole.{kind}", seconds=SECONDS))[0] == "passed"


@pytest.mark.parametrize("kind", CHECKED)
def test_a_damaged_frame_is_found(kind: str, make_audio: Make, tmp_path: Path) -> None:
    verdict, measured = judged(changed(make_audio(f"whole.{kind}", seconds=SECONDS), tmp_path, one_bit))
    assert verdict == "failed", measured


@pytest.mark.parametrize("kind", CHECKED)
def test_bytes_behind_the_last_frame_are_no_damage(kind: str, make_audio: Make, tmp_path: Path) -> None:
    assert judged(changed(make_audio(f"whole.{kind}", seconds=SECONDS), tmp_path, tag))[0] != "failed"


def test_a_flac_with_another_md5_is_damaged(make_audio: Make, tmp_path: Path) -> None:
    def another(data: bytearray) -> None:
        data[8 + 18] ^= 1

    path = changed(make_audio("whole.flac", seconds=SECONDS), tmp_path, another)
    assert judged(path) == ("failed", "the MD5 of its samples is not the one in its header")


def test_a_flac_without_an_md5_is_judged_by_its_frames(make_audio: Make, tmp_path: Path) -> None:
    def none(data: bytearray) -> None:
        data[8 + 18 : 8 + 34] = bytes(16)

    assert judged(changed(make_audio("whole.flac", seconds=SECONDS), tmp_path, none))[0] == "passed"


@pytest.mark.parametrize("kind", ["mka", "oga"])
def test_flac_frames_copied_to_another_container_are_not_judged_by_the_old_md5(
    kind: str, make_audio: Make, convert_audio: Make
) -> None:
    part = convert_audio(make_audio("whole.flac", seconds=SECONDS), f"part.{kind}", "-c", "copy", "-t", "2")
    assert judged(part)[0] != "failed"


def test_an_mp3_that_was_edited_gets_a_note(make_audio: Make, tmp_path: Path) -> None:
    def last_frame(data: bytearray) -> None:
        data[-100] ^= 1

    whole = make_audio("whole.mp3", "-b:a", "64k", seconds=SECONDS)
    assert source_notes(probe(whole), inspect(whole)) == []
    path = changed(whole, tmp_path, last_frame)
    assert judged(path)[0] == "not_checked"
    (note,) = source_notes(probe(path), inspect(path))
    assert note.startswith("the checksum in its LAME header")


@pytest.mark.parametrize("kind", ["ogg", "opus", "m4a", "mp3", "aac", "wav", "ac3"])
def test_whole_files_of_other_kinds_are_not_refused(kind: str, make_audio: Make) -> None:
    path = make_audio(f"whole.{kind}", seconds=SECONDS)
    assert judged(path)[0] != "failed"
    assert source_is_complete(probe(path)).passed


def test_what_was_not_decoded_is_not_judged(make_audio: Make) -> None:
    assert source_damage_check(probe(make_audio("whole.flac", seconds=SECONDS)), None).verdict == "not_checked"
