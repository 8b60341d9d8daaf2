"""What decoders raise about a file is a finding about it; an error of reading its bytes is the caller's."""

from __future__ import annotations

import errno
import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from oss_audio_core.verification import UnreadableAudio, inspect, probe, probe_remote
from oss_audio_core.verification.decoder_boundary import decoder_boundary
from oss_audio_core.verification.file_tags import file_tags
from tools.attack.awkward_audio import SHAPES, wave_file


@pytest.mark.parametrize("shape", SHAPES)
def test_odd_shapes_are_measured_or_unreadable_by_each_way_of_measuring(shape: str) -> None:
    content = SHAPES[shape]()
    for measure in (inspect, probe, file_tags):
        try:
            measure(io.BytesIO(content), shape)
        except UnreadableAudio as unreadable:
            assert str(unreadable).startswith(f"{shape} can't be read as audio: ")  # noqa: PT017 - either is right
    with suppress(UnreadableAudio):
        probe_remote(lambda start, length: (content[start : start + length], len(content)), shape)


def test_a_decoder_that_gives_up_is_quoted() -> None:
    with pytest.raises(UnreadableAudio, match="s64 can't be read as audio: its decoder gave up: ValueError: Conv"):
        inspect(io.BytesIO(SHAPES["64-bit integers"]()), "s64")


class BrokenDisk(io.BytesIO):
    """A file on a disk that gives an error after the header."""

    def read(self, size: int | None = -1, /) -> bytes:
        if self.tell() > 100:
            raise OSError(errno.EIO, "Input/output error")
        return super().read(min(size or 0, 64) if size and size > 0 else size)


def test_an_error_of_the_disk_is_no_finding() -> None:
    with pytest.raises(OSError, match="Input/output error") as caught:
        probe(BrokenDisk(wave_file(b"\x01\x02" * 80_000)), "a.wav")
    assert caught.value.errno == errno.EIO


def test_an_error_of_reading_ranges_is_no_finding() -> None:
    def away(start: int, length: int) -> tuple[bytes, int]:
        raise ConnectionResetError("OSS is away")

    with pytest.raises(ConnectionResetError, match="OSS is away"):
        probe_remote(away, "a.mp3")


def test_a_missing_file_is_no_finding(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        inspect(tmp_path / "none.wav")


@pytest.mark.parametrize(
    "error", [IndexError("list index out of range"), OSError(22, "Invalid argument"), MemoryError()]
)
def test_whatever_is_raised_within_is_a_finding(error: Exception) -> None:
    @decoder_boundary
    def measure(source: Any, name: str | None = None) -> None:
        source.seek(0)
        raise error

    with pytest.raises(
        UnreadableAudio, match=f"^b can't be read as audio: its decoder gave up: {type(error).__name__}"
    ):
        measure(io.BytesIO(b"x"), "b")
    with pytest.raises(UnreadableAudio, match=r"^the file can't be read"):
        measure(io.BytesIO(b"x"))


def test_a_seek_to_where_no_file_goes_is_the_headers_fault() -> None:
    @decoder_boundary
    def follow(source: Any, name: str) -> None:
        source.seek(-1)

    with pytest.raises(UnreadableAudio, match="gave up: ValueError: negative seek value"):
        follow(io.BytesIO(b"x"), "a.caf")
