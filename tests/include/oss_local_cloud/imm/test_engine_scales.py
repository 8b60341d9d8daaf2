"""`ab` and `aq` on the encoders' scales, by literal values."""

from __future__ import annotations

import pytest

from oss_local_cloud.imm.engine.encoder_settings import bitrate_arguments, quality_arguments


@pytest.mark.parametrize(
    ("f", "ab", "rate", "channels", "expected"),
    [
        ("amr", 1000, 8000, 1, ["-b:a", "4750"]),
        ("amr", 7000, 8000, 1, ["-b:a", "6700"]),
        ("amr", 10_000_000, 8000, 1, ["-b:a", "12200"]),
        ("amr", 1000, 16000, 1, ["-b:a", "6600"]),
        ("amr", 20000, 16000, 1, ["-b:a", "19850"]),
        ("ac3", 1000, 48000, 2, ["-b:a", "32000"]),
        ("ac3", 1000, 48000, 3, ["-b:a", "48000"]),
        ("ac3", 1000, 48000, 6, ["-b:a", "96000"]),
        ("ac3", 200_000, 48000, 2, ["-b:a", "192000"]),
        ("opus", 1000, 48000, 8, ["-b:a", "4000", "-vbr", "constrained"]),
        ("opus", 10_000_000, 48000, 2, ["-b:a", "512000", "-vbr", "constrained"]),
        ("oga", 1000, 8000, 1, ["-b:a", "8000"]),
        ("oga", 128_000, 44100, 2, ["-b:a", "128000"]),
        ("oga", 128_000, 96000, 2, ["-q:a", "4"]),
        ("oga", 144_000, 88200, 2, ["-q:a", "4.5"]),
        ("oga", 1000, 96000, 2, ["-q:a", "0"]),
        ("oga", 10_000_000, 96000, 1, ["-q:a", "10"]),
        ("flac", 128_000, 44100, 2, []),
        ("mp3", 96000, 44100, 2, ["-b:a", "96000"]),
        ("aac", 96000, 44100, 2, ["-b:a", "96000"]),
    ],
)
def test_bitrates(f: str, ab: int, rate: int, channels: int, expected: list[str]) -> None:
    assert bitrate_arguments(f, ab, rate, channels) == expected


@pytest.mark.parametrize(
    ("f", "rate", "channels", "worst", "middle", "best"),
    [
        ("mp3", 44100, 2, "9", "4.5", "0"),
        ("aac", 48000, 2, "24000", "67882", "192000"),
        ("aac", 96000, 1, "12000", "33941", "96000"),
        ("aac", 8000, 6, "48000", "67884", "96000"),
        ("flac", 44100, 2, "0", "4", "8"),
        ("oga", 44100, 2, "0", "5", "10"),
        ("oga", 22050, 2, "0.5", "5.25", "10"),
        ("ac3", 48000, 2, "32000", "160000", "640000"),
        ("opus", 48000, 1, "12000", "43818", "160000"),
        ("opus", 48000, 2, "24000", "87636", "320000"),
        ("amr", 8000, 1, "4750", "7400", "12200"),
        ("amr", 16000, 1, "6600", "15850", "23850"),
    ],
)
def test_qualities(f: str, rate: int, channels: int, worst: str, middle: str, best: str) -> None:
    assert [quality_arguments(f, aq, rate, channels)[1] for aq in (0, 50, 100)] == [worst, middle, best]
