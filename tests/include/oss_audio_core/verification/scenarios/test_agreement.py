"""Our numbers beside those of independent tools, and of the EBU's test signals made from their description."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from oss_audio_core.verification import inspect
from tests.include.oss_audio_core.verification.tones import Signal, sine, stereo, wav

MakeAudio = Callable[..., Path]

RENDITIONS = {
    "a.mp3": ("-c:a", "libmp3lame", "-b:a", "128k"),
    "v.mp3": ("-c:a", "libmp3lame", "-q:a", "4"),
    "a.aac": ("-c:a", "aac"),
    "a.flac": ("-c:a", "flac"),
    "a.oga": ("-c:a", "libvorbis"),
    "a.ac3": ("-c:a", "ac3"),
    "a.opus": ("-c:a", "libopus", "-ar", "48000"),
    "nb.amr": ("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1"),
    "wb.amr": ("-c:a", "libvo_amrwbenc", "-ar", "16000", "-ac", "1"),
    "a.wav": (),
    "a.m4a": ("-c:a", "alac"),
}


@pytest.mark.parametrize("name", RENDITIONS)
@pytest.mark.parametrize("seconds", [0.7, 5.31])
def test_the_duration_is_that_of_another_decoder_to_the_sample(
    name: str, seconds: float, make_audio: MakeAudio, ffmpeg: str
) -> None:
    path = make_audio(name, *RENDITIONS[name], seconds=seconds)
    found = inspect(path)
    command = [ffmpeg, "-nostdin", "-v", "error", "-i", f"file:{path}", "-map", "0:a:0", "-f", "s16le", "-"]
    decoded = subprocess.run(command, check=True, capture_output=True, timeout=60).stdout
    assert found.samples == len(decoded) // 2 // found.probe.channels
    assert found.decode_error is None


@pytest.mark.parametrize("name", RENDITIONS)
def test_codec_rate_and_channels_are_those_of_ffprobe(name: str, make_audio: MakeAudio, ffmpeg: str) -> None:
    path = make_audio(name, *RENDITIONS[name], seconds=0.7)
    ffprobe = Path(ffmpeg).with_name("ffprobe")
    fields = "stream=codec_name,sample_rate,channels"
    command = [ffprobe, "-v", "error", "-select_streams", "a:0", "-show_entries", fields, "-of", "csv=p=0", path]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
    measured = inspect(path).probe
    assert told == f"{measured.codec},{measured.sample_rate},{measured.channels}"


def independent_loudness(samples: Signal, rate: int) -> float:
    """LUFS by pyloudnorm, of samples in a column for each channel."""
    # Not above: every worker of the suite imports every file, and scipy, which this one needs, takes seconds.
    import pyloudnorm

    return float(pyloudnorm.Meter(rate).integrated_loudness(samples))


def music(rate: int, channels: int) -> Signal:
    """Noise and tones whose level changes: loud parts, quiet ones below the gate, silence."""
    noise = np.random.default_rng(rate).normal(0, 0.1, (channels, rate * 24))
    at = np.arange(rate * 24) / rate
    level = np.interp(at, [0, 5, 5.1, 10, 14, 14.1, 18, 24], [1, 0.5, 0.02, 0.02, 0.9, 0, 0, 0.3])
    tones = 0.2 * np.sin(2 * np.pi * 220 * at) + 0.1 * np.sin(2 * np.pi * 3100 * at)
    return np.asarray((noise + tones) * level)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000, 96000])
@pytest.mark.parametrize("channels", [1, 2])
def test_loudness_is_that_of_pyloudnorm_within_a_tenth(rate: int, channels: int) -> None:
    signal = music(rate, channels)
    found = inspect(wav(signal, rate)).integrated
    if rate < 32000:
        from scipy.signal import resample_poly

        # BS.1770 gives its filter for 48 kHz; one derived for a low rate bends the response below its limit.
        signal, rate = resample_poly(signal, 48000 // rate, 1, axis=1), 48000
    assert found == pytest.approx(independent_loudness(signal.T, rate), abs=0.1)


@pytest.mark.parametrize("name", ["a.mp3", "a.aac", "a.flac", "a.oga", "a.ac3", "a.opus", "nb.amr", "wb.amr"])
def test_loudness_of_each_format_is_that_of_pyloudnorm_within_a_tenth(
    name: str, convert_audio: Callable[..., Path], tmp_path: Path, ffmpeg: str
) -> None:
    source = tmp_path / "source.wav"
    source.write_bytes(wav(music(44100, 2), 44100).getvalue())
    path = convert_audio(source, name, *RENDITIONS[name])
    found = inspect(path)
    rate = 48000 if found.sample_rate < 32000 else found.sample_rate
    raw = ("-ar", f"{rate}", "-f", "f32le", "-")
    command = [ffmpeg, "-nostdin", "-v", "error", "-i", f"file:{path}", "-map", "0:a:0", *raw]
    decoded = np.frombuffer(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout, "<f4")
    other = independent_loudness(decoded.reshape(-1, found.probe.channels), rate)
    assert found.integrated == pytest.approx(other, abs=0.1)


EBU_3341 = {
    1: [(20, -23)],
    2: [(20, -33)],
    3: [(10, -36), (60, -23), (10, -36)],
    4: [(10, -72), (10, -36), (60, -23), (10, -36), (10, -72)],
    5: [(20, -26), (20.1, -20), (20, -26)],
}


@pytest.mark.parametrize("case", EBU_3341)
def test_integrated_loudness_of_ebu_tech_3341(case: int) -> None:
    wanted = -33.0 if case == 2 else -23.0
    assert inspect(wav(stereo(EBU_3341[case]))).integrated == pytest.approx(wanted, abs=0.1)


def test_integrated_loudness_of_ebu_tech_3341_case_6_with_five_channels() -> None:
    signal = np.concatenate([sine(20, dbfs) for dbfs in (-28, -28, -24, -30, -30)])
    found = inspect(wav(signal))
    assert found.layout.startswith("5.0")
    assert found.integrated == pytest.approx(-23.0, abs=0.1)


EBU_3342 = {
    1: ([(20, -20), (20, -30)], 10),
    2: ([(20, -20), (20, -15)], 5),
    3: ([(20, -40), (20, -20)], 20),
    4: ([(20, -50), (20, -35), (20, -20), (20, -35), (20, -50)], 15),
}


@pytest.mark.parametrize("case", EBU_3342)
def test_loudness_range_of_ebu_tech_3342(case: int) -> None:
    parts, wanted = EBU_3342[case]
    assert inspect(wav(stereo(parts))).loudness_range == pytest.approx(wanted, abs=1)


TRUE_PEAKS = {
    15: (4, 0.0, 0.5, -6.0),
    16: (4, 45.0, 0.5, -6.0),
    17: (6, 60.0, 0.5, -6.0),
    18: (8, 67.5, 0.5, -6.0),
    19: (4, 45.0, 1.41, 3.0),
}


@pytest.mark.parametrize("case", TRUE_PEAKS)
def test_true_peak_of_ebu_tech_3341(case: int) -> None:
    part, phase, amplitude, wanted = TRUE_PEAKS[case]
    signal = sine(1, 20 * np.log10(amplitude), frequency=48000 / part, phase=phase)
    signal *= np.minimum(np.minimum(np.arange(48000), np.arange(48000)[::-1]) / 4800, 1)
    found = inspect(wav(np.repeat(signal, 2, axis=0)))
    assert found.true_peak is not None
    assert wanted - 0.4 <= found.true_peak <= wanted + 0.2
