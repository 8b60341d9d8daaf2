"""The audible bandwidth: of what fades out, of what is cut off, and of what was made of an mp3."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from oss_audio_core.verification import inspect
from tests.include.oss_audio_core.verification.tones import Signal, wav

RATE = 44100


def noise(until: float, seconds: float = 6, rate: int = RATE) -> Signal:
    """Noise with as much power in each octave, and nothing above `until` Hz; two channels."""
    count = round(seconds * rate)
    spectrum = np.fft.rfft(np.random.default_rng(1).normal(0, 1, (2, count)))
    frequency = np.fft.rfftfreq(count, 1 / rate)
    spectrum[:, frequency > until] = 0
    shaped = np.fft.irfft(spectrum / np.sqrt(np.maximum(frequency, 20)), count)
    return np.asarray(shaped / np.abs(shaped).max() * 0.7)


@pytest.mark.parametrize("until", [4000, 8000, 11000, 16000, 18000])
def test_a_cut_off_is_found_where_it_is(until: float) -> None:
    found = inspect(wav(noise(until), RATE))
    assert found.bandwidth == pytest.approx(until, abs=400)
    assert found.is_cut_off


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_what_reaches_the_end_of_the_spectrum_is_not_cut_off(rate: int) -> None:
    found = inspect(wav(noise(rate / 2, rate=rate), rate))
    assert found.bandwidth == pytest.approx(rate / 2, rel=0.1)
    assert found.is_cut_off is False


def test_what_fades_out_is_not_cut_off() -> None:
    count = 6 * RATE
    spectrum = np.fft.rfft(np.random.default_rng(2).normal(0, 1, (1, count)))
    spectrum *= 10 ** (-np.fft.rfftfreq(count, 1 / RATE) / 4000)
    signal = np.fft.irfft(spectrum, count)
    found = inspect(wav(signal / np.abs(signal).max() * 0.7, RATE))
    assert found.bandwidth is not None
    assert 4000 < found.bandwidth < 21000
    assert found.is_cut_off is False


@pytest.mark.parametrize("signal", [np.zeros((2, 6 * RATE)), np.full((1, 6 * RATE), 0.3), noise(20000, 0.03)])
def test_silence_offsets_and_moments_have_none(signal: Signal) -> None:
    assert inspect(wav(signal, RATE)).bandwidth is None


def test_a_flac_made_of_an_mp3_shows_it(tmp_path: Path, ffmpeg: str) -> None:
    master, lossy, back = tmp_path / "master.wav", tmp_path / "lossy.mp3", tmp_path / "back.flac"
    master.write_bytes(wav(noise(22050), RATE).getvalue())
    for command in ([str(master), "-b:a", "128k", str(lossy)], [str(lossy), str(back)]):
        subprocess.run([ffmpeg, "-nostdin", "-v", "error", "-i", *command], check=True, timeout=60)
    found, original = inspect(back), inspect(master)
    assert original.is_cut_off is False
    assert found.is_cut_off
    assert found.bandwidth == pytest.approx(16500, abs=1000)
