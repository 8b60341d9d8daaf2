"""Eight channels and more: planes that PyAV can't count are never read one by one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from oss_audio_core.verification import inspect

MakeAudio = Callable[..., Path]

LEVELS = "|".join(f"{0.5**number:.6f}*sin(2*PI*1000*t)" for number in range(8))
"""1 kHz in each channel, 6 dB lower in each."""


@pytest.mark.parametrize(
    ("name", "encoder"),
    [
        ("wide.wav", ("-c:a", "pcm_s16le")),
        ("wide.flac", ("-c:a", "flac")),
        ("wide.aac", ("-c:a", "aac", "-b:a", "512k")),
        ("wide.oga", ("-c:a", "libvorbis", "-q:a", "8", "-f", "oga")),
        ("wide.opus", ("-c:a", "libopus", "-b:a", "768k", "-ar", "48000")),
    ],
)
@pytest.mark.parametrize("measured", [True, False])
def test_each_of_eight_channels_has_its_own_level(
    name: str, encoder: tuple[str, ...], measured: bool, ffmpeg: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    tone = f"aevalsrc={LEVELS}:d=1:s=48000:c=7.1"
    subprocess.run([ffmpeg, "-nostdin", "-v", "error", "-f", "lavfi", "-i", tone, *encoder, path], check=True)
    found = inspect(path, loudness=measured, true_peak=measured)
    assert (found.decode_error, len(found.peaks)) == (None, 8)
    # Encoders at few bits change levels; which channel stands where differs by format.
    assert max(found.peaks) == pytest.approx(0.0, abs=1.5)
    assert sorted(found.peaks)[-2] < -2
    assert min(found.peaks) < -20
    assert (found.integrated is not None) is measured
    if measured:
        assert found.true_peak == pytest.approx(0.0, abs=1.5)


@pytest.mark.parametrize("channels", [9, 16])
def test_more_channels_than_a_format_may_have_are_inspected(channels: int, make_audio: MakeAudio) -> None:
    found = inspect(make_audio(f"{channels}.wav", "-c:a", "pcm_s16le", seconds=0.3, channels=channels))
    assert len(found.peaks) == channels
