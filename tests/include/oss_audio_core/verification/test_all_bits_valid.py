"""Wav files whose samples have unused bits decode to their sound."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
import pytest

from oss_audio_core.verification import inspect
from oss_audio_core.verification.all_bits_valid import AllBitsValid

RATE = 48_000


def wav(valid: int, holder: int = 32, extra: bytes = b"") -> BytesIO:
    """A second of a tone at half of full scale, in the upper bits of each sample."""
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE) * (1 << 31)
    data = np.repeat(tone.round().astype("<i4")[:, None], 2, axis=1).view("u1").reshape(-1, 4)[:, 4 - holder // 8 :]
    guid = bytes.fromhex("0100000000001000800000aa00389b71")
    block = 2 * holder // 8
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 2, RATE, RATE * block, block, holder, 22, valid, 3) + guid
    chunks = extra + b"fmt " + struct.pack("<I", len(fmt)) + fmt
    chunks += b"data" + struct.pack("<I", data.size) + data.tobytes()
    return BytesIO(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)


@pytest.mark.parametrize("extra", [b"", b"JUNK" + struct.pack("<I", 28) + bytes(28)])
@pytest.mark.parametrize(("valid", "holder"), [(24, 32), (20, 32), (16, 32), (32, 32), (20, 24), (24, 24)])
def test_the_sound_is_that_of_the_samples(valid: int, holder: int, extra: bytes) -> None:
    found = inspect(wav(valid, holder, extra), "a.wav")
    assert (found.samples, found.decode_error) == (RATE, None)
    assert found.peaks == pytest.approx((-6.02, -6.02), abs=0.05)


@pytest.mark.parametrize("size", [1, 7, 39, 40, 4096])
def test_only_the_number_of_valid_bits_is_replaced(size: int) -> None:
    file = wav(24)
    content, read = file.getvalue(), b""
    opened = AllBitsValid(file)
    opened.seek(0)
    while part := opened.read(size):
        read += part
    assert read == content[:38] + b"\x20\0" + content[40:]
    assert opened.tell() == len(content)
