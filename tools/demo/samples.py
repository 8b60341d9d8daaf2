"""Make the demo's audio: nothing is downloaded, and the same bytes come out every time.

Eight small sources of common kinds: several codecs, sample rates and channel layouts, a key
with spaces and Chinese characters, and two that can't be converted.
"""

from __future__ import annotations

import array
import math
import subprocess
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

from oss_local_cloud.imm.engine.binaries import locate

KEPT_OF_TRUNCATED = 0.4
"""Share of the truncated file that is kept; its header still declares the whole length."""


@dataclass(frozen=True)
class Sample:
    """One source of the demo.

    Attributes:
        key: object key below the prefix.
        content_type: what it is uploaded as.
        broken: it can't be converted, and has to end as a row with a reason.
    """

    key: str
    content_type: str
    broken: bool = False


@dataclass(frozen=True)
class _Encoded(Sample):
    """A sample that FFmpeg encodes from sine tones: one per channel, faded by a slow swell."""

    tones: tuple[int, ...] = (440,)
    seconds: float = 4.0
    rate: int = 44_100
    layout: str = "mono"
    encoding: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Wave(Sample):
    """A sample that Python's own `wave` module writes: 16 bits, one tone per channel."""

    tones: tuple[int, ...] = (440,)
    seconds: float = 4.0
    rate: int = 44_100


FLAC = ("-c:a", "flac", "-f", "flac")
MP3 = ("-c:a", "libmp3lame", "-b:a", "192k", "-f", "mp3")
TRUNCATED_KEY = "broken/cut-short.flac"
TEXT_KEY = "broken/not-audio.mp3"

SETTINGS = {"OSS_AUDIO_FAILURE_THRESHOLD": "50"}
"""For nights over the samples: two of the eight are broken on purpose, which is more than may fail by default."""

SAMPLES: tuple[Sample, ...] = (
    _Wave("music/stereo-44100.wav", "audio/wav", tones=(440, 554), seconds=6.0, rate=44_100),
    _Wave("voice/mono-16000.wav", "audio/wav", tones=(220,), seconds=8.0, rate=16_000),
    _Encoded(
        "music/hi-res-96000.flac",
        "audio/flac",
        tones=(330, 495),
        rate=96_000,
        layout="stereo",
        encoding=("-sample_fmt", "s32", "-bits_per_raw_sample", "24", *FLAC),
    ),
    _Encoded(
        "film/surround-48000.flac",
        "audio/flac",
        tones=(262, 330, 392, 60, 523, 659),
        rate=48_000,
        layout="5.1",
        encoding=FLAC,
    ),
    _Encoded(
        "music/stereo-22050.mp3",
        "audio/mpeg",
        tones=(294, 370),
        seconds=5.0,
        rate=22_050,
        layout="stereo",
        encoding=("-c:a", "libmp3lame", "-b:a", "96k", "-f", "mp3"),
    ),
    _Encoded(
        "播客/第 1 集 开场.mp3",
        "audio/mpeg",
        tones=(349, 440),
        seconds=5.0,
        rate=48_000,
        layout="stereo",
        encoding=MP3,
    ),
    _Encoded(
        TRUNCATED_KEY,
        "audio/flac",
        broken=True,
        tones=(247, 311),
        seconds=10.0,
        layout="stereo",
        encoding=FLAC,
    ),
    Sample(TEXT_KEY, "audio/mpeg", broken=True),
)


def make_samples(folder: Path) -> list[Path]:
    """Write every sample below `folder`, at the path that is its key, and return the paths in that order."""
    paths = []
    for sample in SAMPLES:
        path = folder / sample.key
        path.parent.mkdir(parents=True, exist_ok=True)
        match sample:
            case _Wave():
                _write_wave(sample, path)
            case _Encoded():
                _encode(sample, path)
            case _:
                path.write_text("This is a text file. Its name is that of a song.\n" * 40)
        if sample.key == TRUNCATED_KEY:
            whole = path.read_bytes()
            path.write_bytes(whole[: int(len(whole) * KEPT_OF_TRUNCATED)])
        paths.append(path)
    return paths


def _write_wave(sample: _Wave, path: Path) -> None:
    frames = round(sample.seconds * sample.rate)
    samples = array.array(
        "h",
        (
            round(12_000 * math.sin(2 * math.pi * tone * frame / sample.rate))
            for frame in range(frames)
            for tone in sample.tones
        ),
    )
    if sys.byteorder == "big":
        samples.byteswap()  # a wav file is little-endian
    with wave.open(str(path), "wb") as out:
        out.setnchannels(len(sample.tones))
        out.setsampwidth(2)
        out.setframerate(sample.rate)
        out.writeframes(samples.tobytes())


def _encode(sample: _Encoded, path: Path) -> None:
    # A little noise on top, from a formula and so always the same: pure tones compress better than real audio.
    noise = "0.02*sin(1e5*sin(1e4*t))"
    tones = "|".join(f"(0.25+0.1*sin(2*PI*0.5*t))*sin(2*PI*{tone}*t)+{noise}" for tone in sample.tones)
    source = f"aevalsrc={tones}:s={sample.rate}:d={sample.seconds}:c={sample.layout}"
    title = ("-metadata", f"title={path.stem}", "-metadata", "artist=OSS Audio demo")
    exact = ("-fflags", "+bitexact", "-flags:a", "+bitexact", "-threads", "1")
    command = [str(locate().ffmpeg), "-nostdin", "-v", "error", "-y", "-f", "lavfi", "-i", source]
    subprocess.run([*command, *title, *sample.encoding, *exact, f"file:{path}"], check=True)
