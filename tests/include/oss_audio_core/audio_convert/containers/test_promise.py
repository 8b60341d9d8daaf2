"""Which lengths are promises, and how much of one is there."""

from __future__ import annotations

from io import BytesIO

import pytest

from oss_audio_core.audio_convert.containers.promise import Promise, is_placeholder, promise_of


@pytest.mark.parametrize(
    "length",
    [
        0,
        0x7F000008,  # SoX, AIFF
        0x7EFFFFFE,  # the same, 6 channels of 24 bits
        0x7FFFF000,  # SoX, wav
        0x7FFFEFC2,  # the same, GSM
        0x7FFFFFFF,  # LAME, opusdec
        0x80000000,  # arecord
        0x80000024,
        0xFFFFFFFF,  # FFmpeg
        0xFFFFFFFF - 36,
        0xFFFFFF00,
    ],
)
def test_what_writers_to_a_pipe_leave_is_no_length(length: int) -> None:
    assert is_placeholder(length)


@pytest.mark.parametrize(
    "length", [1, 176_400, 600_000_000, 0x7F100000, 0x7FFF0000, 0x80010000, 0xB3D05E00, 0xFFFF0000]
)
def test_other_lengths_are_meant(length: int) -> None:
    assert not is_placeholder(length)


@pytest.mark.parametrize(
    ("start", "declared", "found"),
    [
        (4, 6, Promise(6, 6)),
        (4, 60, Promise(60, 6)),
        (40, 60, Promise(60, 0)),
        (4, 0, None),
        (4, -5, None),
        (4, 1 << 63, None),
    ],
)
def test_what_is_there_of_a_promise(start: int, declared: int, found: Promise | None) -> None:
    assert promise_of(BytesIO(bytes(10)), start, declared) == found
