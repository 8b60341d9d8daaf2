"""The catalogue against a real bucket: every difference is found, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from oss_audio_core.catalogue import State
from oss_audio_core.catalogue.schema import rendition
from tests.include.oss_audio_core.catalogue.rendition_folder import RenditionFolder, rewrite

if TYPE_CHECKING:
    pass


def test_an_empty_catalogue_and_one_that_agrees_have_no_difference(folder: RenditionFolder) -> None:
    assert folder.check() == []
    for name in ("a.mp3", "歌/b c.mp3", "b&<.mp3"):
        folder.publish(name)
    assert folder.check() == []


def test_everything_that_differs_is_found_and_nothing_else(folder: RenditionFolder) -> None:
    for name in ("a.mp3", "b.mp3", "c.mp3", "d.mp3", "e.mp3", "f.mp3"):
        folder.publish(name, crc64=name == "e.mp3")
    folder.bucket.delete_object(f"{folder.root}mp3/b.mp3")
    folder.bucket.delete_object(f"{folder.root}mp3/f.mp3")
    folder.bucket.put_object(f"{folder.root}mp3/c.mp3", b"other")
    folder.bucket.put_object(f"{folder.root}mp3/d.mp3", b"longer than before")
    folder.leave("0-orphan.mp3")
    folder.leave("z-orphan.mp3", tagged=True)
    for another in ("cover.jpg", "notes.txt", "master.mp3"):
        folder.bucket.put_object(f"{folder.root}mp3/{another}", b"x")
    folder.stage("9-1.mp3")
    rewrite(folder, "e.mp3")
    assert sorted(folder.found()) == sorted(
        [
            ("missing", "mp3/b.mp3"),
            ("missing", "mp3/f.mp3"),
            ("changed", "mp3/c.mp3"),
            ("changed", "mp3/d.mp3"),
            ("rewritten", "mp3/e.mp3"),
            ("orphaned", "mp3/0-orphan.mp3"),
            ("orphaned", "mp3/z-orphan.mp3"),
            ("staged", "own/9-1.mp3"),
        ]
    )


def test_more_than_a_page_is_walked_side_by_side(folder: RenditionFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oss_audio_core.catalogue.bucket_check.PAGE", 2)
    for number in range(9):
        folder.publish(f"{number}.mp3")
    for number in (0, 3, 4, 5, 8):
        folder.bucket.delete_object(f"{folder.root}mp3/{number}.mp3")
    assert folder.found() == [("missing", f"mp3/{number}.mp3") for number in (0, 3, 4, 5, 8)]


def test_sources_targets_and_companions_are_no_orphans(folder: RenditionFolder) -> None:
    folder.publish("a.mp3")
    key = f"{folder.root}mp3/a.json"
    with folder.catalogue.write() as connection:
        connection.execute(sa.update(rendition).values(waveform_uri=f"oss://{folder.name}/{key}"))
    folder.bucket.put_object(key, b"{}")
    underway = f"{folder.root}mp3/underway.mp3"
    target = {"target_bucket": folder.name, "target_key": underway}
    folder.library.add("underway.wav", state=State.VERIFIED, asked=target)
    folder.bucket.put_object(underway, b"copied, and entered in a moment")
    assert folder.found() == []


def test_staged_objects_of_unfinished_conversions_stay(folder: RenditionFolder) -> None:
    for state in (State.SUBMITTED, State.QUARANTINED, State.FAILED):
        folder.stage("{id}-1.mp3", state=state)
    row = folder.stage("{id}-1.mp3", state=State.SUPERSEDED)
    assert folder.found() == [("staged", f"own/{row}-1.mp3")]


def test_staged_sidecars_stay_as_long_as_their_rendition_needs_them(folder: RenditionFolder) -> None:
    rows = []
    for state in (State.VERIFIED, State.SUPERSEDED):
        row = folder.stage("{id}-1.mp3", state=state)
        rows.append(row)
        for name in (f"{row}-1.mp3.waveform.json", f"{row}-1.mp3.spectrogram.png", f"{row}-0.mp3.waveform.json"):
            folder.bucket.put_object(folder.staged_at(name), b"x")
    verified, superseded = rows
    # Of the one that is verified, only what an earlier attempt left; of the other one, everything.
    left = [f"{verified}-0.mp3.waveform.json", f"{superseded}-0.mp3.waveform.json"]
    left += [f"{superseded}-1.mp3{ending}" for ending in ("", ".spectrogram.png", ".waveform.json")]
    assert sorted(folder.found()) == sorted(("staged", f"own/{name}") for name in left)
