"""A second opinion: the FFmpeg of `imageio-ffmpeg`, another build than the engine's and than verification's."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 8_000
"""Hz at which sounds are compared."""

_STREAM = re.compile(r"Stream #0:\d+.*: Audio: \w+.*?, (\d+) Hz")
_WINDOW = RATE // 50
_FARTHEST = 15
"""Windows of 20 ms by which a rendition's sound may be moved: three frames of the longest kind."""

_UNLIKE = 8.0
"""dB: a codec changes the envelope by less, and a downmix moves it as a whole."""

_LEVEL = -60.0
"""dBFS: what is below counts as silence."""

_SECONDS = 300.0


@dataclass(frozen=True)
class Decoded:
    """What the second decoder makes of a file.

    Attributes:
        errors: what it reports; empty: nothing.
        rate: of the file, Hz; 0 where it found no audio.
        sound: mono at `RATE`.
    """

    errors: str
    rate: int
    sound: npt.NDArray[np.float32]

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return len(self.sound) / RATE


def decode(path: Path, *, decoder: str = "", container: str = "") -> Decoded:
    """Decode the first audio stream of a file.

    Args:
        path: of the file.
        decoder: FFmpeg's name of it; empty: the one that FFmpeg picks.
        container: FFmpeg's name of it, for files of a few frames, which are not recognised; empty: by content.
    """
    chosen = [*(("-c:a", decoder) if decoder else ()), *(("-f", container) if container else ())]
    command = [_ffmpeg(), "-nostdin", "-hide_banner", "-v", "level+info", *chosen, "-i", f"file:{path}"]
    command += ["-map", "0:a:0", "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"]
    finished = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    said = finished.stderr.decode("utf-8", "replace")
    errors = [line for line in said.splitlines() if "[error]" in line or "[fatal]" in line]
    found = _STREAM.search(said)
    sound = np.frombuffer(finished.stdout[: len(finished.stdout) // 4 * 4], dtype="<f4")
    return Decoded("; ".join(errors)[:300], int(found[1]) if found else 0, sound)


def difference(source: Decoded, rendition: Decoded, frame_samples: int) -> str:
    """Why a rendition is not the source's whole sound; empty where it is.

    Args:
        source: decoded.
        rendition: decoded.
        frame_samples: of the rendition's codec: three frames are tolerated, for delay and padding.
    """
    if rendition.errors or not rendition.rate:
        return f"the rendition does not decode: {rendition.errors or 'no audio'}"
    longer = rendition.seconds - source.seconds
    tolerated = 0.03 + 3 * frame_samples / rendition.rate
    if abs(longer) > tolerated:
        return f"{longer:+.3f} s against the source's {source.seconds:.3f} s"
    unlike = _unlikeness(_envelope(source.sound), _envelope(rendition.sound))
    return "" if unlike <= _UNLIKE else f"another sound (the envelopes' distance varies by {unlike:.1f} dB)"


def _ffmpeg() -> str:
    # Importing the module would look for other programs; the file is enough.
    binaries = Path(str(distribution("imageio-ffmpeg").locate_file("imageio_ffmpeg/binaries")))
    return str(next(binaries.glob("ffmpeg-*")))


def _envelope(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    windows = sound[: len(sound) // _WINDOW * _WINDOW].reshape(-1, _WINDOW).astype(np.float64)
    level: npt.NDArray[np.float64] = np.maximum(10 * np.log10(np.mean(windows**2, axis=1) + 1e-12), _LEVEL)
    return level


def _unlikeness(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> float:
    """Decibels by which the distance of two envelopes varies, at the small shift where it varies least."""
    length = min(len(one), len(other))
    if length <= 2 * _FARTHEST:
        return 0.0
    shifts = range(-_FARTHEST, _FARTHEST + 1)
    begins = ((max(0, shift), max(0, -shift)) for shift in shifts)
    kept = length - _FARTHEST
    return min(float(np.std(one[first : first + kept] - other[second : second + kept])) for first, second in begins)
