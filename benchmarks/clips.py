"""The benchmark's sources: short clips, all different, made in a moment."""

from __future__ import annotations

import array
import io
import math
import sys
import wave
from collections.abc import Iterator

RATE = 16_000
"""Samples a second, one channel of 16 bits: 32 kB for a clip of one second."""

STEP = 7
"""Samples of the tone between the beginnings of two clips."""


def make_clips(count: int, seconds: float = 1.0) -> Iterator[tuple[str, bytes]]:
    """Yield `count` wav files with their names: windows of one rising tone, so that no two have the same bytes."""
    frames = round(seconds * RATE)
    tone = _rising_tone(frames + STEP * count)
    for number in range(count):
        content = io.BytesIO()
        with wave.open(content, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(tone[number * STEP : number * STEP + frames].tobytes())
        yield f"clip-{number:06d}.wav", content.getvalue()


def _rising_tone(frames: int) -> array.array[int]:
    tone = array.array("h", (round(12_000 * math.sin(0.1 * i + 2e-6 * i * i)) for i in range(frames)))
    if sys.byteorder == "big":
        tone.byteswap()  # a wav file is little-endian
    return tone
