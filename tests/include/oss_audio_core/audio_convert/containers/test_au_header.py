"""The header of AU."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest

from oss_audio_core.audio_convert.containers.au_header import au_promise
from oss_audio_core.audio_convert.containers.promise import Promise


def au(length: int, data: int, start: int = 28) -> BytesIO:
    return BytesIO(b".snd" + struct.pack(">II", start, length) + bytes(start - 12 + data))


@pytest.mark.parametrize(
    ("file", "promise"),
    [
        (au(100, 100), Promise(100, 100)),
        (au(1000, 100), Promise(1000, 100)),
        (au(1000, 100, start=32), Promise(1000, 100)),
        (au(0xFFFFFFFF, 100), None),
        (au(0, 100), None),
        (BytesIO(b".snd"), None),
    ],
)
def test_the_length_that_is_promised(file: BytesIO, promise: Promise | None) -> None:
    assert au_promise(file) == promise
