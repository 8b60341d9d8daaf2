"""Sources of every container that were cut off are found; whole ones, those of live writers too, are not refused."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from oss_audio_core.verification import inspect, probe
from oss_audio_core.verification.source_damage import source_damage_check, source_is_complete, source_notes
from tests.include.oss_audio_core.verification.damage_table import (
    NOTE,
    SLIPS,
    SOURCE_FORMATS,
    SOURCES,
    source_markdown,
)

SECONDS = 8
SOUND = ("-f", "lavfi", "-i", f"aevalsrc=0.3*sin(440*2*PI*t)+0.1*(random(0)-0.5):s=44100:d={SECONDS}")
PICTURE = ("-f", "lavfi", "-i", f"testsrc=size=160x120:duration={SECONDS}")

AUDIO: dict[str, tuple[str, ...]] = {
    "w64": (),
    "caf": (),
    "aiff": (),
    "mp3": (),
    "au": (),
    "wma": (),
    "avi": (),
    "mka": (),
    "flac": (),
    "tta": (),
    "wv": (),
    "ogg": (),
    "opus": (),
    "bw64": ("-rf64", "always", "-f", "wav"),
}
VIDEO: dict[str, tuple[str, ...]] = {
    "avi": ("-c:v", "mpeg4", "-c:a", "pcm_s16le"),
    "mkv": ("-c:v", "mpeg4", "-c:a", "libmp3lame"),
    "webm": ("-c:v", "libvpx", "-c:a", "libopus"),
    "wmv": ("-c:v", "wmv2", "-c:a", "wmav2"),
}
LIVE: dict[str, tuple[str, ...]] = {"asf": (), "avi": (), "matroska": (), "caf": (), "ogg": (), "wav": ()}

Make = Callable[..., Path]


@pytest.fixture
def make(ffmpeg: str, tmp_path: Path) -> Make:
    """Make a file of so many seconds, with video or without, or as a pipe's reader gets it."""

    def made(kind: str, arguments: tuple[str, ...], *, video: bool = False, live: bool = False) -> Path:
        target = tmp_path / f"whole.{kind}"
        inputs = (*PICTURE, *SOUND) if video else SOUND
        if live:
            command = [ffmpeg, "-nostdin", "-v", "error", *inputs, *arguments, "-f", kind, "-"]
            target.write_bytes(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout)
            return target
        command = [ffmpeg, "-nostdin", "-v", "error", *inputs, *arguments, f"file:{target}"]
        subprocess.run(command, check=True, timeout=60)
        if kind == "bw64":
            target.write_bytes(b"BW64" + target.read_bytes()[4:])
        return target

    return made


def complete(path: Path) -> bool:
    """Whether nothing says that a source, once decoded, is cut or damaged."""
    found = inspect(path, loudness=False, true_peak=False, follows_changes=True)
    source = probe(path) if found.decode_error else found.probe
    return source_is_complete(source).passed and not source_damage_check(source, found).failed


def cut(path: Path, part: float) -> Path:
    """A copy of a part of a file."""
    data = path.read_bytes()
    target = path.with_name(f"cut{path.suffix}")
    target.write_bytes(data[: int(len(data) * part)])
    return target


CASES = [(kind, AUDIO[kind], False) for kind in AUDIO] + [(kind, VIDEO[kind], True) for kind in VIDEO]


@pytest.mark.parametrize(("kind", "arguments", "video"), CASES)
def test_a_cut_source_is_found_and_a_whole_one_passes(
    kind: str, arguments: tuple[str, ...], video: bool, make: Make
) -> None:
    whole = make(kind, arguments, video=video)
    assert complete(whole)
    assert not complete(cut(whole, 0.9))
    assert not complete(cut(whole, 0.5))


def found_in(path: Path) -> str:
    """The code that renditions of a source get, or whether there is a note."""
    found = inspect(path, loudness=False, true_peak=False, follows_changes=True)
    source = probe(path) if found.decode_error else found.probe
    if source_is_complete(source).failed:
        return "SourceIncomplete"
    if source_damage_check(source, found).failed:
        return "SourceDamaged"
    return NOTE if source_notes(source, found) else SLIPS


def damaged(data: bytes, damage: str) -> bytes:
    """The bytes of a file after a damage of the table."""
    if damage == "cut off at 60 %":
        return data[: len(data) * 6 // 10]
    if damage == "second half zeroed":
        return data[: len(data) // 2] + bytes(len(data) - len(data) // 2)
    flipped = bytearray(data)
    flipped[len(data) // 3] ^= 0x10
    return bytes(flipped)


@pytest.mark.parametrize("kind", SOURCE_FORMATS)
@pytest.mark.parametrize("damage", SOURCES)
def test_the_table_of_damaged_sources(kind: str, damage: str, make: Make) -> None:
    path = make(kind, ())
    path.write_bytes(damaged(path.read_bytes(), damage))
    assert found_in(path) == SOURCES[damage][kind]


def test_the_page_has_the_table() -> None:
    page = Path(__file__).parents[5] / "docs" / "verification.md"
    assert "\n".join(source_markdown()) in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", LIVE)
def test_live_writers_promise_nothing(kind: str, make: Make) -> None:
    assert complete(make(kind, LIVE[kind], live=True))


@pytest.mark.parametrize("kind", ["w64", "wma", "avi", "mka", "flac", "ogg", "opus"])
def test_bytes_behind_the_audio_are_no_concern(kind: str, make: Make) -> None:
    path = make(kind, ())
    path.write_bytes(path.read_bytes() + bytes(1000))
    assert complete(path)


@pytest.mark.parametrize("kind", ["ogg", "opus"])
def test_an_ogg_file_whose_second_half_is_zeroed_is_found(kind: str, make: Make) -> None:
    path = make(kind, ())
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))
    assert not complete(path)


@pytest.mark.parametrize("kind", ["ogg", "opus"])
def test_an_ogg_page_that_a_decoder_leaves_out_is_named(kind: str, make: Make) -> None:
    path = make(kind, ())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)
    found = inspect(path, loudness=False, true_peak=False, follows_changes=True)
    check = source_damage_check(found.probe, found)
    assert check.failed
    assert check.measured.startswith("the page at byte ")


@pytest.mark.parametrize("kind", ["ogg", "opus"])
def test_a_recording_that_ends_with_a_whole_page_is_complete_without_an_end_of_stream(kind: str, make: Make) -> None:
    path = make(kind, ("-page_duration", "200000"))
    data = path.read_bytes()
    path.write_bytes(data[: data.rfind(b"OggS")])
    assert complete(path)


@pytest.mark.parametrize("kind", ["ogg", "opus"])
def test_joined_ogg_files_are_complete(kind: str, make: Make) -> None:
    path = make(kind, ())
    path.write_bytes(path.read_bytes() * 2)
    found = inspect(path, loudness=False, true_peak=False, follows_changes=True)
    assert complete(path)
    assert not source_damage_check(found.probe, found).failed
