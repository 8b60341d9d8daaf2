"""Right renditions of difficult sources pass a full decode: nothing is quarantined for being loud, quiet or short."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from oss_audio_core.audio_convert import AudioConvert
from oss_audio_core.verification import decode_limits, inspect, verify
from tests.include.oss_audio_core.verification.damages import ENCODERS
from tests.include.oss_audio_core.verification.tones import Signal, sine, wav

RATE = 48000
SHAPES = {
    "mp3": ("44100", "2", ("-b:a", "64k"), 64000),
    "aac": ("48000", "2", ("-b:a", "96k"), 96000),
    "flac": ("48000", "2", (), None),
    "oga": ("44100", "2", ("-b:a", "80k"), 80000),
    "ac3": ("48000", "2", ("-b:a", "96k"), 96000),
    "opus": ("48000", "2", ("-b:a", "32k"), 32000),
    "amr": ("8000", "1", ("-b:a", "4750"), 4750),
}


def noise(seconds: float, level: float, channels: int = 2) -> Signal:
    """Like speech: bursts of noise below 3 kHz, with pauses."""
    count = round(seconds * RATE)
    raw = np.random.default_rng(channels).normal(0, 1, (channels, count + 15))
    low = np.stack([np.convolve(one, np.ones(16) / 4, mode="valid") for one in raw])
    return np.asarray(low * 10 ** (level / 20) * (np.sin(np.arange(count) / RATE * 9) > -0.5))


SOURCES: dict[str, Signal] = {
    "far beyond full scale": np.clip(noise(4, 8), -1, 1),
    "just at full scale": np.clip(noise(4, -9), -0.999, 0.999),
    "a square wave": np.sign(np.repeat(sine(3, -0.1, frequency=200), 2, axis=0)) * 0.99,
    "very quiet": noise(4, -52),
    "silence": np.zeros((2, 2 * RATE)),
    "silence, then sound": np.concatenate((np.zeros((2, 2 * RATE)), noise(2, -20)), axis=1),
    "a twentieth of a second": noise(0.05, -20),
    "one of two channels": np.concatenate((noise(3, -20, 1), np.zeros((1, 3 * RATE)))),
    "mono": noise(3, -20, 1),
    "six channels": noise(2, -20, 6),
}


@pytest.mark.parametrize("f", SHAPES)
@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize(("ss", "t"), [(None, None), (700, 900)], ids=["whole", "part"])
def test_a_right_rendition_passes(
    f: str, name: str, ss: int | None, t: int | None, tmp_path: Path, ffmpeg: str
) -> None:
    content = SOURCES[name]
    if ss is not None and content.shape[1] < 2 * RATE:
        ss, t = 10, 38  # FFmpeg does not always recognise a single frame of ac3
    source, target = tmp_path / "source.wav", tmp_path / "rendition"
    source.write_bytes(wav(content).getvalue())
    rate, channels, bitrate, ab = SHAPES[f]
    start, end = (ss or 0) * RATE // 1000, "" if t is None else f":end_sample={((ss or 0) + t) * RATE // 1000}"
    layout = {"1": "mono", "2": "stereo"}[channels]
    cut = f"atrim=start_sample={start}{end},asetpts=PTS-STARTPTS,aresample={rate}:ochl={layout}:rematrix_maxval=1"
    command = [ffmpeg, "-nostdin", "-v", "error", "-i", f"file:{source}", "-af", cut, *bitrate, *ENCODERS[f]]
    subprocess.run([*command, f"file:{target}"], check=True, timeout=60)
    wish = AudioConvert(f=f, ar=int(rate), ac=int(channels), ab=ab, ss=ss, t=t)
    whole = inspect(source, loudness=False, true_peak=False)
    found = inspect(target, limits=decode_limits(wish, whole), loudness=False, true_peak=False)
    verdict = verify(wish, whole, found)
    assert verdict.passed, verdict.reason


def test_the_signature_is_what_the_pipeline_uses(make_audio: Callable[..., Path]) -> None:
    source = make_audio("a.wav")
    verdict = verify(AudioConvert(f="flac"), inspect(source), inspect(make_audio("a.flac")))
    assert type(verdict).from_json(verdict.to_json()) == verdict
    assert (verdict.decision, verdict.reason) == ("passed", "")
