"""The duration that a file's header declares, whole and truncated."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from oss_audio_core.verification import check_complete, inspect, probe


def wav(declared: int, data: int, magic: bytes = b"RIFF", ds64: int | None = None) -> BytesIO:
    """44.1 kHz, stereo, 16 bits."""
    chunks = b"" if ds64 is None else b"ds64" + struct.pack("<IQQQI", 28, 0, ds64, 0, 0)
    chunks += b"fmt " + struct.pack("<IHHIIHH", 16, 1, 2, 44_100, 176_400, 4, 16)
    chunks += b"data" + struct.pack("<I", declared) + b"\1\0" * (data // 2)
    return BytesIO(magic + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)


@pytest.mark.parametrize(
    ("file", "declared", "there"),
    [
        (wav(176_400, 176_400), 1.0, 1.0),
        (wav(352_800, 176_400), 2.0, 1.0),
        (wav(0xFFFFFFFF, 176_400, b"RF64", ds64=352_800), 2.0, 1.0),
        (wav(0xFFFFFFFF, 176_400), None, 1.0),
    ],
)
def test_a_wav_declares_the_length_of_its_data_chunk(file: BytesIO, declared: float | None, there: float) -> None:
    measured = probe(file, "a.wav")
    assert measured.declared_duration == declared
    assert measured.duration == pytest.approx(there, abs=0.001)


@pytest.mark.parametrize("declared", [0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFF00])
def test_a_wav_from_a_pipe_is_complete_and_decodes_without_an_error(declared: int) -> None:
    file = wav(declared, 176_401 * 3)
    assert check_complete(probe(file, "a.wav")).passed
    found = inspect(file, "a.wav")
    assert (found.decode_error, found.samples) == (None, 132_300)


SOURCES = {
    "a.wav": (),
    "ms.wav": ("-c:a", "adpcm_ms"),
    "ima.wav": ("-c:a", "adpcm_ima_wav"),
    "g726.wav": ("-c:a", "g726", "-ac", "1", "-ar", "8000"),
    "mp3.wav": ("-c:a", "libmp3lame"),
    "long.wav": ("-rf64", "always"),
    "a.w64": (),
    "a.caf": (),
    "alaw.caf": ("-c:a", "pcm_alaw"),
    "a.aiff": (),
    "a.au": (),
    "a.wv": (),
    "a.tta": (),
    "a.mka": ("-c:a", "flac"),
    "a.flv": ("-c:a", "libmp3lame"),
}


@pytest.mark.parametrize("name", SOURCES)
def test_whole_files_are_complete_and_cut_ones_are_not(name: str, make_audio: Callable[..., Path]) -> None:
    content = make_audio(name, *SOURCES[name], seconds=4.0).read_bytes()
    assert check_complete(probe(BytesIO(content), name)).passed
    for part in (0.5, 0.9):
        found = inspect(BytesIO(content[: int(len(content) * part)]), name)
        assert check_complete(found.probe).failed or found.decode_error


@pytest.mark.parametrize("byte_rate", [1, 4_000, 1_000_000_000])
def test_a_wrong_byte_rate_declares_nothing(byte_rate: int, make_audio: Callable[..., Path]) -> None:
    content = bytearray(make_audio("ima.wav", "-c:a", "adpcm_ima_wav", seconds=4.0).read_bytes())
    struct.pack_into("<I", content, content.index(b"fmt ") + 16, byte_rate)
    assert check_complete(probe(BytesIO(content), "a.wav")).passed


@pytest.mark.parametrize("name", ["a.wv", "a.flac", "a.tta"])
def test_a_tag_behind_the_last_sample_is_no_damage(name: str, make_audio: Callable[..., Path]) -> None:
    tagged = BytesIO(make_audio(name).read_bytes() + b"TAG" + b"Title".ljust(125, b"\0"))
    assert check_complete(probe(tagged, name)).passed
    assert inspect(tagged, name).decode_error is None
