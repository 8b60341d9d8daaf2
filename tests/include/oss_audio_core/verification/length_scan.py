"""Renditions of every length: many lengths by one FFmpeg process, each verified against its source."""

from __future__ import annotations

import io
import random
import subprocess
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from oss_audio_core.audio_convert import FORMATS, AudioConvert
from oss_audio_core.audio_convert.codec_facts import CODECS
from oss_audio_core.verification import UnreadableAudio, decode_limits, inspect, verify
from oss_local_cloud.imm.engine.encoder_settings import ENCODERS, MUXERS

FRAMES = 3
"""Frames of which every length is tried: what an encoder does at a frame's edge is the same at any other."""

_AT_ONCE = 100
"""Outputs of one FFmpeg process, whose start costs more than such a short file."""

_OPUS_RATE = 48_000
_RANDOM_LENGTHS = 12
_FLAC_BLOCKS = (576, 1152, 2304, 4608, 8192)
_FLAC_BLOCK_SECONDS = 0.105
"""FFmpeg's blocks of flac: the largest that is no longer."""


@dataclass(frozen=True)
class Scan:
    """Lengths of sources at one rate, to be converted to a format at another.

    Attributes:
        f: the format.
        source_rate: Hz.
        rate: Hz of the rendition.
    """

    f: str
    source_rate: int
    rate: int

    def __str__(self) -> str:
        return f"{self.f}-{self.source_rate}-{self.rate}"

    @property
    def frame(self) -> int:
        """Samples of the source in a frame of the rendition."""
        if self.f == "flac":
            samples = max(size for size in _FLAC_BLOCKS if size <= self.rate * _FLAC_BLOCK_SECONDS)
        else:
            samples = CODECS[FORMATS[self.f].codec(self.rate)].frame_samples
        return -(-samples * self.source_rate // (_OPUS_RATE if self.f == "opus" else self.rate))

    @property
    def every_length(self) -> range:
        """All lengths of up to three frames, and one beyond. Of less than 10 ms a resampler may leave nothing."""
        first = 1 if self.source_rate == self.rate else self.source_rate // 100
        return range(first, FRAMES * self.frame + 2)

    @property
    def some_lengths(self) -> list[int]:
        """Those around frames and half frames, which some codecs have, and a few between; always the same ones."""
        every, half = self.every_length, self.frame // 2
        edges = {half * part + beyond for part in range(2 * FRAMES + 1) for beyond in (-1, 0, 1, 2)}
        codec_delay = {110, 270}  # of amr_nb: with its 50 samples exactly one frame, and two
        others = random.Random(str(self)).sample(every, _RANDOM_LENGTHS)
        return sorted(length for length in edges | codec_delay | {*others} if length in every)


def refused(scan: Scan, lengths: Sequence[int], ffmpeg: str, folder: Path) -> Iterator[tuple[int, str]]:
    """The lengths whose rendition is refused, and why."""
    convert = AudioConvert(f=scan.f, ar=scan.rate, ac=1)
    sound = _sound(scan.every_length.stop, scan.source_rate)
    source = folder / "source.wav"
    source.write_bytes(_wav(sound, scan.source_rate))
    for at in range(0, len(lengths), _AT_ONCE):
        chunk = lengths[at : at + _AT_ONCE]
        _convert(scan, chunk, ffmpeg, source, folder)
        for length in chunk:
            target = folder / f"{length}"
            whole = inspect(io.BytesIO(_wav(sound[:length], scan.source_rate)), loudness=False, true_peak=False)
            try:
                found = inspect(target, loudness=False, true_peak=False, limits=decode_limits(convert, whole))
            except UnreadableAudio as error:
                yield length, str(error)
                continue
            finally:
                target.unlink()
            verdict = verify(convert, whole, found)
            if not verdict.passed:
                yield length, verdict.reason or verdict.decision


def _convert(scan: Scan, lengths: Sequence[int], ffmpeg: str, source: Path, folder: Path) -> None:
    """As the local cloud's engine converts: the same filters, encoder and muxer."""
    encoder = ENCODERS[FORMATS[scan.f].codec(scan.rate)].encoder
    made: list[str] = []
    for length in lengths:
        cut = f"atrim=end_sample={length},asetpts=PTS-STARTPTS,aresample={scan.rate}:ochl=mono:rematrix_maxval=1"
        made += ["-map", "0:a:0", "-af", cut, "-c:a", encoder, "-threads", "1", "-fflags", "+bitexact"]
        made += ["-flags:a", "+bitexact", "-f", MUXERS[scan.f], f"file:{folder / str(length)}"]
    command = [ffmpeg, "-nostdin", "-v", "error", "-y", "-threads", "1", "-filter_threads", "1", "-i", f"file:{source}"]
    subprocess.run([*command, *made], check=True, timeout=600)


def _sound(samples: int, rate: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    """A tone with a little noise, loud enough that its loss would be noticed."""
    at = np.arange(samples) / rate
    noise = np.random.default_rng(rate).normal(0, 0.02, samples)
    return np.asarray((0.3 * np.cos(2 * np.pi * 440 * at) + noise) * 32767, dtype=np.int16)


def _wav(samples: np.ndarray[tuple[int], np.dtype[np.int16]], rate: int) -> bytes:
    target = io.BytesIO()
    with wave.open(target, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(samples.astype("<i2").tobytes())
    return target.getvalue()
