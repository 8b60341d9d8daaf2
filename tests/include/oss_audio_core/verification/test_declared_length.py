"""The duration that a file's header declares, whole and truncated."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest

from oss_audio_core.verification import probe


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
