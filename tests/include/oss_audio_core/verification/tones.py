"""Signals made with numpy, and wav files of them with 24 bits."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Signal = npt.NDArray[np.float64]
"""(channels, samples), full scale 1."""


def sine(seconds: float, dbfs: float, *, frequency: float = 1000, rate: int = 48000, phase: float = 0) -> Signal:
    """One channel whose largest value is `dbfs`; `phase` in degrees."""
    at = np.arange(round(seconds * rate)) / rate
    return np.asarray(10 ** (dbfs / 20) * np.sin(2 * np.pi * frequency * at + np.radians(phase)))[np.newaxis]


def stereo(parts: Sequence[tuple[float, float]], rate: int = 48000) -> Signal:
    """Tones of 1 kHz one after the other, each of (seconds, dBFS), the same in both channels."""
    return np.repeat(np.concatenate([sine(seconds, dbfs, rate=rate) for seconds, dbfs in parts], axis=1), 2, axis=0)


def wav(signal: npt.NDArray[Any], rate: int = 48000) -> io.BytesIO:
    """A file of it; what is beyond full scale is clipped."""
    integers = np.ascontiguousarray(np.clip(np.round(signal.T * 2**23), -(2**23), 2**23 - 1), dtype="<i4")
    target = io.BytesIO()
    with wave.open(target, "wb") as out:
        out.setnchannels(signal.shape[0])
        out.setsampwidth(3)
        out.setframerate(rate)
        out.writeframes(integers.view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
    target.seek(0)
    return target
