"""Kind C: lengths that lie at the edge of a tolerance, and sounds of a few frames."""

from __future__ import annotations

from collections.abc import Iterator

from tools.corpus import recipes
from tools.corpus.case import Case, Make
from tools.corpus.recipes import by_ffmpeg

KIND = "C"

LENGTHS = {
    8_000: (8_110, 8_161, 8_319),
    16_000: (16_001, 16_222, 16_639),
    22_050: (22_051, 22_627),
    24_000: (24_001, 24_577),
    32_000: (32_001, 33_153),
    44_100: (13_825, 13_826, 44_101, 45_217, 46_081),
    48_000: (48_001, 48_959, 49_153),
}
"""Samples of wav files by rate: a little over a whole number of frames of some codec."""

SHORT_MS = (50, 63, 80, 99, 150)


def cases() -> Iterator[Case]:
    """All of them."""
    made: dict[str, Make] = {
        f"wav-{rate}-{samples}.wav": by_ffmpeg(rate=rate, channels=channels, samples=samples)
        for rate, lengths in LENGTHS.items()
        for channels in (1, 2)
        for samples in lengths
    }
    for milliseconds in SHORT_MS:
        for rate in (16_000, 48_000):
            name = f"short-{rate}-{milliseconds}-ms.wav"
            made[name] = by_ffmpeg(rate=rate, channels=1, samples=rate * milliseconds // 1000)
    yield from recipes.cases(KIND, made)
