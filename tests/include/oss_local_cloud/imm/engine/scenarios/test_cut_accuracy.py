"""`ss` and `t` to the sample, found by correlation with a signal that never repeats itself. Real FFmpeg.

A rendition's own delay (the priming of aac and ac3, the look-ahead of amr) is a property of its codec: it is the same
wherever the cut begins, and less than a frame.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from oss_audio_core.audio_convert import AudioConvert
from oss_local_cloud.imm.engine.binaries import Binaries
from oss_local_cloud.imm.engine.ffmpeg import FfmpegEngine
from oss_local_cloud.imm.engine.limits import EngineLimits

Samples = NDArray[np.int16]
RATE = 48000
SECONDS = 6.0


@pytest.fixture(scope="module")
def signal() -> Samples:
    """Noise below 3 kHz, which all codecs keep, with a loudness that changes: no two places are alike."""
    count = int(RATE * SECONDS)
    spectrum = np.fft.rfft(np.random.default_rng(3).standard_normal(count))
    frequencies = np.fft.rfftfreq(count, 1 / RATE)
    spectrum[(frequencies < 200) | (frequencies > 3000)] = 0
    noise = np.fft.irfft(spectrum, count)
    swell = 0.6 + 0.4 * np.sin(np.linspace(0, 23, count))
    return (noise * swell / np.abs(noise).max() * 20000).astype(np.int16)


@pytest.fixture(scope="module")
def make_source(binaries: Binaries, signal: Samples, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`make_source("a.mp3", "-q:a", "4")`: the signal in any format."""
    folder = tmp_path_factory.mktemp("signal")

    def make(name: str, *options: str) -> Path:
        path = folder / name
        raw = ["-f", "s16le", "-ar", str(RATE), "-ac", "1", "-i", "-"]
        command = [binaries.ffmpeg, "-v", "error", "-y", *raw, *options, path]
        subprocess.run(command, input=signal.tobytes(), check=True)
        return path

    return make


@pytest.fixture
def cut(binaries: Binaries, tmp_path: Path) -> Callable[..., Any]:
    """A coroutine function that converts by each text; it returns the decoded samples of each rendition."""
    engine = FfmpegEngine(binaries, EngineLimits(), tmp_path)

    async def run(source: Path, texts: list[str], rate: int = RATE) -> list[Samples]:
        slots = asyncio.Semaphore(os.cpu_count() or 1)

        async def one(text: str) -> Samples:
            target = tmp_path / text.removeprefix("audio/convert,")
            async with slots:
                await engine.convert(AudioConvert.parse(text), source, target)
                return await asyncio.to_thread(decoded, binaries, target, rate)

        return await asyncio.gather(*(one(text) for text in texts))

    return run


def decoded(binaries: Binaries, path: Path, rate: int = RATE) -> Samples:
    command = [binaries.ffmpeg, "-nostdin", "-v", "error", "-i", path, "-map", "0:a:0", "-ac", "1", "-ar", str(rate)]
    without_iconv = {"GCONV_PATH": "/nonexistent"}  # a static FFmpeg crashes in it on MPEG-TS
    run = subprocess.run([*command, "-f", "s16le", "-"], capture_output=True, check=True, env=without_iconv)
    return np.frombuffer(run.stdout, np.int16)


def place(part: Samples, whole: Samples) -> int:
    """Where in `whole` the samples of `part` lie, by the highest correlation; negative for before its beginning."""
    size = 1 << (len(part) + len(whole)).bit_length()
    product = np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size))
    found = int(np.argmax(np.fft.irfft(product, size)))
    return found if found < len(whole) else found - size


@pytest.mark.parametrize(
    ("f", "frame", "grid"),
    [
        ("mp3", 1, 1),  # the LAME header tells players the delay
        ("flac", 0, 0),
        ("oga", 0, 0),
        ("opus", 0, 0),
        ("aac", 1024, 0),
        ("ac3", 256, 0),
        ("amr,ar_8000", 160 * 6, 3),
        ("amr,ar_16000", 320 * 3, 2),
    ],
)
async def test_every_format_begins_at_ss_and_lasts_t(
    cut: Any, make_source: Callable[..., Path], signal: Samples, f: str, frame: int, grid: int
) -> None:
    source = make_source("source.wav")
    starts = [0, 250, 1001, 3333]
    parts = await cut(source, [f"audio/convert,f_{f},ss_{ss},t_777" for ss in starts])
    places = [place(part, signal) for part in parts]
    delay = -places[0]
    assert -grid <= delay <= frame + grid, "the codec's own delay"
    for ss, found in zip(starts, places, strict=True):
        assert found + delay == pytest.approx(ss * RATE // 1000, abs=grid), f"ss={ss}"
    # Tolerances of the codecs' frames, in samples at 48 kHz.
    longer = {"aac": 2047, "ac3": 1536}.get(f, 1200 if f.startswith("amr") else 144 if f == "oga" else 0)
    for part in parts:
        assert -144 <= len(part) - 777 * RATE // 1000 <= longer


@pytest.mark.parametrize(
    ("name", "options", "priming"),
    [
        ("a.wav", (), 0),
        ("a.flac", (), 0),
        ("a.aiff", (), 0),
        ("a.caf", (), 0),
        ("a.w64", (), 0),
        ("cbr.mp3", ("-b:a", "128k"), 0),
        ("vbr.mp3", ("-q:a", "5"), 0),
        ("headless.mp3", ("-q:a", "5", "-write_xing", "0"), 1105),
        ("headless-id3.mp3", ("-q:a", "5", "-write_xing", "0", "-metadata", "title=with an ID3 tag"), 1105),
        ("a.m4a", (), 0),
        ("a.aac", (), 1024),
        ("a.oga", ("-c:a", "libvorbis"), 0),
        ("a.opus", (), 0),
        ("a.ac3", (), 256),
        ("a.mka", ("-c:a", "aac"), 1024),
        ("a.webm", ("-c:a", "libopus"), 0),
        ("a.ts", ("-c:a", "aac"), 1024),
        ("a.wma", (), -2048),  # its decoder throws the first frame away
        ("a.amr", ("-ar", "8000", "-c:a", "libopencore_amrnb"), 240),
        ("a.flv", ("-c:a", "libmp3lame"), 1105),
        ("a.avi", ("-c:a", "libmp3lame"), 1105),
        ("low.wav", ("-ar", "44100"), 0),
        ("odd.wav", ("-ar", "11025"), 0),
    ],
)
async def test_a_cut_of_any_source_is_a_slice_of_its_decoded_samples(
    cut: Any,
    make_source: Callable[..., Path],
    binaries: Binaries,
    signal: Samples,
    name: str,
    options: tuple[str, ...],
    priming: int,
) -> None:
    source = make_source(name, *options)
    rate = {"low.wav": 44100, "odd.wav": 11025, "a.amr": 8000}.get(name, RATE)
    whole = decoded(binaries, source, rate)
    cuts = [(0, 1000), (1001, 777), (4567, 333), (2500, 0)]
    texts = [f"audio/convert,f_flac,adepth_16,ss_{ss},t_{t}" for ss, t in cuts]
    rate_is_legal = ",ar_48000" if rate == RATE else ""
    parts = await cut(source, [text + rate_is_legal for text in texts], rate)
    for (ss, t), part in zip(cuts, parts, strict=True):
        begin = (ss * rate + 500) // 1000
        end = begin + (t * rate + 500) // 1000 if t else len(whole)
        assert len(part) == end - begin
        # Decoders of floating-point codecs round to 16 bits with dither or without.
        assert np.abs(part.astype(int) - whole[begin:end]).max() <= 1, f"ss={ss}"
    if rate == RATE:  # and these samples lie where they were before they were encoded
        assert place(parts[1], signal) == pytest.approx(1001 * RATE // 1000 - priming, abs=2)
