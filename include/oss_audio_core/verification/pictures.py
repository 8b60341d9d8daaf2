"""PNG pictures of audio: its waveform, or its spectrogram."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from oss_audio_core.verification.downsampling import BoundedTimeline

WIDTH = 1200
"""Pixels; the whole duration."""

WAVEFORM_HEIGHT = 256
SPECTRUM_SAMPLES = 1024
"""Samples of one Fourier transform: 512 rows from 0 Hz (below) to half the sample rate."""

_QUIETEST_DB = -110.0
_WAVE_COLOURS = ((255, 255, 255), (33, 102, 172))
_HEAT = ((0, 0, 4), (60, 15, 110), (150, 40, 110), (220, 80, 60), (250, 165, 40), (252, 255, 190))

Pixels = npt.NDArray[np.uint8]


def waveform_png(waveform: dict[str, Any]) -> bytes:
    """Draw what `waveform_json` gave: lowest to highest sample of each column, 1,200 by 256 pixels."""
    pairs = np.asarray(waveform["data"], dtype=np.int64).reshape(-1, 2)
    rows = np.arange(WAVEFORM_HEIGHT // 2 - 1, -WAVEFORM_HEIGHT // 2 - 1, -1)[:, np.newaxis]
    if not len(pairs):
        return png(np.zeros((WAVEFORM_HEIGHT, WIDTH), dtype=np.uint8), _WAVE_COLOURS)
    begins = np.arange(WIDTH) * len(pairs) // WIDTH
    lowest = np.minimum.reduceat(pairs[:, 0], begins)
    highest = np.maximum.reduceat(pairs[:, 1], begins)
    return png(((rows >= lowest) & (rows <= highest)).astype(np.uint8), _WAVE_COLOURS)


class Spectrogram:
    """The power of 512 bands over time, all channels together; fed with blocks of shape (channels, samples)."""

    def __init__(self) -> None:
        self._window = np.hanning(SPECTRUM_SAMPLES).astype(np.float32)
        self._columns = BoundedTimeline(SPECTRUM_SAMPLES, WIDTH, np.maximum)
        self._rest = np.zeros(0, dtype=np.float32)

    def add(self, block: npt.NDArray[np.float32]) -> None:
        """Take in the next block."""
        mixed = np.concatenate((self._rest, block.mean(axis=0, dtype=np.float32)))
        whole = len(mixed) - len(mixed) % SPECTRUM_SAMPLES
        self._rest = mixed[whole:]
        if whole:
            self._transform(mixed[:whole])

    def png(self) -> bytes:
        """1,200 by 512 pixels, from -110 dB (black) to a full-scale tone (bright)."""
        if len(self._rest):
            self._transform(np.pad(self._rest, (0, SPECTRUM_SAMPLES - len(self._rest))))
            self._rest = self._rest[:0]
        power = self._columns.columns()
        if not power.shape[1]:
            return png(np.zeros((SPECTRUM_SAMPLES // 2, WIDTH), dtype=np.uint8), _heat())
        full_scale = (float(self._window.sum()) / 2) ** 2
        level = 10 * np.log10(np.maximum(power / full_scale, 10 ** (_QUIETEST_DB / 10)))
        shade = np.clip((1 - level / _QUIETEST_DB) * 255, 0, 255).astype(np.uint8)
        columns = np.arange(WIDTH) * power.shape[1] // WIDTH
        return png(shade[::-1, columns], _heat())

    def _transform(self, samples: npt.NDArray[np.float32]) -> None:
        spectrum = np.fft.rfft(samples.reshape(-1, SPECTRUM_SAMPLES) * self._window, axis=1)[:, 1:]
        self._columns.add((spectrum.real**2 + spectrum.imag**2).T)


def png(pixels: Pixels, palette: Sequence[tuple[int, int, int]]) -> bytes:
    """A PNG of `pixels`, of shape (height, width), each an index into `palette`."""
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), dtype=np.uint8)  # each row begins with its filter: 0, none
    rows[:, 1:] = pixels
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    colours = bytes(part for colour in palette for part in colour)
    chunks = ((b"IHDR", header), (b"PLTE", colours), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _heat() -> list[tuple[int, int, int]]:
    at = np.linspace(0, len(_HEAT) - 1, 256)
    parts = [np.interp(at, range(len(_HEAT)), [colour[part] for colour in _HEAT]) for part in range(3)]
    return [(int(red), int(green), int(blue)) for red, green, blue in zip(*parts, strict=True)]
