"""`ab` and `aq` on the encoders' scales, by literal values."""

from __future__ import annotations

import pytest

from oss_audio_core.audio_convert import FORMATS, AudioConvert
from oss_audio_core.audio_convert.containers.declared_length import DemuxerLengths
from oss_local_cloud.imm.engine import encoder_settings
from oss_local_cloud.imm.engine.command import plan
from oss_local_cloud.imm.engine.encoder_settings import (
    ENCODERS,
    MUXERS,
    bitrate_arguments,
    quality_arguments,
    settings_for,
)
from oss_local_cloud.imm.engine.failure import ConversionFailed
from oss_local_cloud.imm.engine.source import Source


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


def test_every_format_has_a_muxer_and_every_codec_an_encoder() -> None:
    assert MUXERS.keys() == FORMATS.keys()
    assert {codec for audio_format in FORMATS.values() for codec in audio_format.codecs.values()} == ENCODERS.keys()


def test_every_bitrate_and_quality_of_every_format_has_arguments() -> None:
    for f, audio_format in FORMATS.items():
        for rate in audio_format.sample_rates:
            settings = settings_for(f, rate)
            assert settings is not None
            assert all(
                isinstance(settings.quality(aq, rate, audio_format.max_channels), list) for aq in range(0, 101, 10)
            )
            assert all(isinstance(settings.bitrate(ab, rate, 1), list) for ab in (1_000, 96_000, 10_000_000))


def test_a_format_without_an_encoder_is_refused_and_not_encoded_as_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_settings, "MUXERS", {f: muxer for f, muxer in MUXERS.items() if f != "ac3"})
    assert settings_for("ac3", 48000) is None
    with pytest.raises(ValueError, match="this engine has no encoder for f=ac3"):
        bitrate_arguments("ac3", 128_000, 48000, 2)
    source = Source(
        container="flac",
        codec="flac",
        sample_rate=48000,
        channels=2,
        layout="stereo",
        bit_rate=None,
        bits=16,
        lengths=DemuxerLengths(),
        counted_seconds=1.0,
    )
    with pytest.raises(ConversionFailed, match="this engine has no encoder for f=ac3"):
        plan(AudioConvert(f="ac3"), source)
