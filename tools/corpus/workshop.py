"""The programs and sounds of which the corpus is made; the same bytes each time, but for versions of programs."""

from __future__ import annotations

import shutil
import subprocess
import wave
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from oss_local_cloud.imm.engine.binaries import locate

Samples = npt.NDArray[np.float64]
"""(samples, channels), full scale 1."""

DEBIAN_PACKAGES = {
    "flac": "flac",
    "lame": "lame",
    "oggenc": "vorbis-tools",
    "opusenc": "opus-tools",
    "sox": "sox",
    "speexenc": "speex",
    "wavpack": "wavpack",
}
"""By program: what installs it on Debian."""

_SECONDS = 120.0


class MakerFailed(RuntimeError):
    """A program of the corpus failed; the message has its last words."""


def missing_programs(needed: frozenset[str]) -> frozenset[str]:
    """Those of `needed` that are not installed."""
    return frozenset(name for name in needed if shutil.which(name) is None)


class Workshop:
    """Makes files in a scratch folder of its own."""

    def __init__(self, scratch: Path) -> None:
        self.scratch = scratch
        scratch.mkdir(parents=True, exist_ok=True)

    @cached_property
    def _ffmpeg(self) -> str:
        return str(locate().ffmpeg)

    def run(self, *command: str | Path, stdin: bytes | None = None) -> bytes:
        """Run a program of the machine; returns its standard output, of which a pipe is made.

        Raises:
            MakerFailed: it ended with an error.
        """
        words = [str(word) for word in command]
        finished = subprocess.run(
            words, input=stdin or b"", capture_output=True, timeout=_SECONDS, check=False, cwd=self.scratch
        )
        if finished.returncode:
            raise MakerFailed(f"{' '.join(words)}: {finished.stderr.decode('utf-8', 'replace')[-400:]}")
        return finished.stdout

    def ffmpeg(self, *arguments: str | Path, stdin: bytes | None = None) -> bytes:
        """Run the FFmpeg of the wheel."""
        return self.run(
            self._ffmpeg, "-nostdin" if stdin is None else "-y", "-v", "error", "-y", *arguments, stdin=stdin
        )

    def wav(
        self, seconds: float = 2.0, rate: int = 44_100, channels: int = 2, *, samples: int | None = None, seed: int = 0
    ) -> Path:
        """A 16-bit wav file of music."""
        count = round(seconds * rate) if samples is None else samples
        path = self.scratch / f"{count}-{rate}-{channels}-{seed}.wav"
        if not path.exists():
            write_wav(path, music(count, rate, channels, seed), rate)
        return path


def music(count: int, rate: int, channels: int = 1, seed: int = 0) -> Samples:
    """Notes of a quarter of a second with overtones and a little noise; each channel plays others."""
    noise = np.random.default_rng(seed)
    time = np.arange(count) / rate
    played = np.zeros((count, channels))
    for channel in range(channels):
        notes = noise.choice([220, 247, 262, 294, 330, 392, 440, 523], size=int(4 * count / rate) + 1)
        pitch = notes[(time * 4).astype(int)] * (1 + 0.5 * channel)
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        swell = 0.35 + 0.25 * np.sin(2 * np.pi * 0.7 * time + channel)
        tone = np.sin(phase) + 0.4 * np.sin(2 * phase) + 0.2 * np.sin(3 * phase)
        played[:, channel] = 0.5 * swell * tone + 0.01 * noise.standard_normal(count)
    return played


def write_wav(path: Path, samples: Samples, rate: int) -> None:
    """Write 16-bit PCM; what is beyond full scale is clipped."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).round().astype("<i2").tobytes())
