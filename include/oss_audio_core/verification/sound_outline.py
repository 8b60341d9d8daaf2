"""The outline of a sound: levels of a few bands, of each channel, and how alike left and right are, over time.

Two files that hold the same sound have the same outline, whatever their formats: the bands lie where every format
keeps the sound, down to AMR at 8 kHz. The mix of all channels is decimated to some 6 kHz first, so the measure costs
two or three hundredths of a decode.
"""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from oss_audio_core.verification.downsampling import BoundedTimeline

LEAST_RATE = 6000
"""Hz to which the mix is decimated at least."""

BAND_EDGES = (120.0, 200.0, 420.0, 800.0, 1400.0, 2300.0)
"""Hz: five bands, each within what AMR at 8 kHz keeps."""

COLUMNS = 1024
"""Most columns of the bands; each lasts 20 ms or more."""

CHANNEL_COLUMNS = 256
"""Most columns of the channels' levels; each lasts as long as a level, or more."""

FLOOR_DB = -100
"""dBFS that stands for everything quieter."""

LOW_FREQUENCY = "LFE"
"""FFmpeg's name of the channel of low-frequency effects, which a downmix drops."""

OPPOSED = 0.5
"""Correlation of left and right, with a minus, from where on they are taken for opposite."""

_FFT = 256
_FADE = 35.0
"""Hz from an edge at which a band ends and the next one is whole: more than the distance of two bins."""

_HOP = 192
_TAPS = 8
_ONE_THREAD = 200_000
"""Multiplications of a matrix product that BLAS leaves to one thread: waking others for so little costs far more."""

_CENTRES = {"FC": 2**0.5, "BC": 0.5**0.5, LOW_FREQUENCY: 0.0}
_SIDES = 0.5**0.5

Array = npt.NDArray[Any]
Block = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SoundOutline:
    """Levels in dBFS, whole numbers.

    Attributes:
        step: seconds of a column of `bands`.
        bands: of shape (bands, columns); of the mix of all channels.
        channel_step: seconds of a column of `channels` and `coherence`.
        channels: of shape (channels, columns); of all frequencies.
        coherence: correlation of left and right, -1 to 1; without columns where there are not two channels.
    """

    step: float
    bands: Array
    channel_step: float
    channels: Array
    coherence: Array

    @property
    def mean(self) -> float:
        """Level in dBFS of all bands together, of all columns."""
        power = 10 ** (self.bands / 10)
        return float(10 * np.log10(power.sum(axis=0).mean())) if power.size else float(FLOOR_DB)

    def loudest(self, begin: float, end: float) -> float:
        """Level in dBFS of the loudest column between two moments, of all bands together."""
        columns = self.bands[:, int(begin / self.step) : math.ceil(end / self.step)]
        power = (10 ** (columns / 10)).sum(axis=0)
        return float(10 * np.log10(power.max())) if power.size else float(FLOOR_DB)

    def is_opposed(self, begin: float, end: float) -> bool:
        """Whether left and right cancel one another in the mix between two moments."""
        columns = self.coherence[int(begin / self.channel_step) : math.ceil(end / self.channel_step)]
        return bool(columns.size and np.median(columns) < -OPPOSED)

    def to_json(self) -> dict[str, Any]:
        """As it is stored: a byte each column, compressed, in base64."""
        return {
            "step": self.step,
            "bands": _packed(self.bands),
            "channel_step": self.channel_step,
            "channels": _packed(self.channels),
            "coherence": _packed(np.round(self.coherence * 100)),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> SoundOutline:
        """What `to_json` gave."""
        return cls(
            step=stored["step"],
            bands=_unpacked(stored["bands"]),
            channel_step=stored["channel_step"],
            channels=_unpacked(stored["channels"]),
            coherence=_unpacked(stored["coherence"])[0] / 100,
        )


class OutlineMeter:
    """Takes blocks of shape (channels, samples), each but the last a multiple of `window` samples."""

    def __init__(self, channel_names: Sequence[str], sample_rate: int, window: int) -> None:
        self._rate = sample_rate
        self._factor = max(sample_rate // LEAST_RATE, 1)
        self._taps = _low_pass(self._factor)
        self._rows = _ONE_THREAD // self._taps.size
        self._weights = mix_weights(channel_names)
        self._window = window
        self._left_over = np.zeros((_TAPS - 1) * self._factor // 2, np.float32)
        self._decimated = np.zeros(0, np.float32)
        rate = sample_rate / self._factor
        self._window_of_fft = _power_complementary()
        self._summed = _band_matrix(rate, 2 / float(np.square(self._window_of_fft).sum()) / _FFT)
        self._bands = BoundedTimeline(1, COLUMNS, np.add)
        self._powers = BoundedTimeline(1, CHANNEL_COLUMNS, np.add)

    def add(self, block: Block) -> None:
        """Take in the next block."""
        self._add_powers(block)
        self._add_mix(self._mixed(block))

    def finish(self) -> None:
        """The end of the audio."""
        missing = _TAPS * self._factor + _FFT * self._factor
        self._add_mix(np.zeros(missing, np.float32))

    def outline(self) -> SoundOutline:
        """After `finish`: all that was added."""
        hop = _HOP * self._factor / self._rate
        powers = self._powers.columns()
        count = len(self._weights)
        channels = powers[:count] if powers.shape[1] else np.zeros((count, 0))
        coherence = np.zeros(0)
        if count == 2 and powers.shape[1]:
            both = np.sqrt(powers[0] * powers[1])
            coherence = np.divide(powers[2], both, out=np.zeros(len(both)), where=both > 0)
        bands = self._bands.columns()
        return SoundOutline(
            step=self._bands.step * hop,
            bands=decibels(bands / self._bands.step),
            channel_step=self._powers.step * self._window / self._rate,
            channels=decibels(channels / (self._powers.step * self._window)),
            coherence=coherence,
        )

    def _mixed(self, block: Block) -> Block:
        mix: Block = block[0] if block.shape[0] == 1 else np.matmul(self._weights, block)
        return mix

    def _add_powers(self, block: Block) -> None:
        missing = -block.shape[1] % self._window
        whole = np.pad(block, ((0, 0), (0, missing))) if missing else block
        windows = whole.reshape(block.shape[0], -1, 1, self._window)
        powers = (windows @ windows.transpose(0, 1, 3, 2))[:, :, 0, 0]
        if block.shape[0] == 2:
            cross = (windows[0] @ windows[1].transpose(0, 2, 1))[:, 0, 0]
            powers = np.concatenate((powers, cross[np.newaxis]))
        self._powers.add(powers.astype(np.float64))

    def _add_mix(self, mix: Block) -> None:
        waiting = np.concatenate((self._left_over, mix))
        rows = waiting[: len(waiting) // self._factor * self._factor].reshape(-1, self._factor)
        done = len(rows) - _TAPS + 1
        if done > 0:
            decimated = [self._filtered(rows[at : at + self._rows + _TAPS - 1]) for at in range(0, done, self._rows)]
            self._add_bands(np.concatenate((self._decimated, *decimated)))
            waiting = waiting[done * self._factor :]
        self._left_over = waiting

    def _filtered(self, rows: Array) -> Array:
        products = self._taps @ rows.T
        count = len(rows) - _TAPS + 1
        filtered = products[0, :count].copy()
        for tap in range(1, _TAPS):
            filtered += products[tap, tap : tap + count]
        return filtered

    def _add_bands(self, samples: Array) -> None:
        count = (len(samples) - _FFT) // _HOP + 1
        if count > 0:
            frames = np.lib.stride_tricks.sliding_window_view(samples, _FFT)[: count * _HOP : _HOP]
            # Differences keep what is next to 0 Hz from leaking into the bands.
            spectrum = np.fft.rfft(np.diff(frames, prepend=frames[:, :1]) * self._window_of_fft, axis=1)
            power = np.square(spectrum.real) + np.square(spectrum.imag)
            self._bands.add((self._summed @ power.T).astype(np.float64))
            samples = samples[count * _HOP :]
        self._decimated = samples


def mix_weights(channel_names: Sequence[str]) -> npt.NDArray[np.float32]:
    """How much of each channel is in the mix: as FFmpeg mixes to mono, but for the common factor."""
    names = list(channel_names)
    if len(names) <= 2 or set(names) == {LOW_FREQUENCY}:
        return np.full(len(names), 1 / max(len(names), 1), np.float32)
    weights = [_CENTRES.get(name, 1.0 if name in {"FL", "FR"} else _SIDES) for name in names]
    return (np.array(weights) / 2).astype(np.float32)


def decibels(power: Array) -> Array:
    """Whole dBFS of powers, not below `FLOOR_DB`; a full-scale sine has -3."""
    return np.round(10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))))


def _low_pass(factor: int) -> npt.NDArray[np.float32]:
    """Taps of shape (`_TAPS`, factor): a low pass that keeps `BAND_EDGES` and takes away what would fold into them."""
    length = _TAPS * factor
    at = np.arange(length) - (length - 1) / 2
    # The cut-off is half the decimated rate less a fifth.
    taps = np.sinc(at / factor * 0.8) * np.hamming(length)
    return np.ascontiguousarray((taps / taps.sum()).reshape(_TAPS, factor), dtype=np.float32)


def _band_matrix(rate: float, scale: float) -> npt.NDArray[np.float32]:
    """Sums the bins of a spectrum of differences to bands of the sound itself.

    One band fades into the next: a tone at an edge has the same part in either, whatever the distance of the bins. The
    sample rates of a source and of its rendition differ, and so does that distance.
    """
    of_differences = np.square(2 * np.sin(np.pi * np.arange(_FFT // 2 + 1) / _FFT))
    frequencies = np.arange(_FFT // 2 + 1) * rate / _FFT
    above = [np.clip((frequencies - edge) / (2 * _FADE) + 0.5, 0, 1) for edge in BAND_EDGES]
    parts = np.stack([one - other for one, other in pairwise(above)])
    matrix: npt.NDArray[np.float32] = parts * scale / np.maximum(of_differences, of_differences[1])
    return matrix.astype(np.float32)


def _power_complementary() -> npt.NDArray[np.float32]:
    """A window whose squares, each `_HOP` after the other, add up to one: every sample counts the same."""
    slope = _FFT - _HOP
    rising = np.sin((np.arange(slope) + 0.5) / slope * np.pi / 2)
    return np.concatenate((rising, np.ones(_FFT - 2 * slope), rising[::-1])).astype(np.float32)


def _packed(lines: Array) -> str:
    whole = np.atleast_2d(np.clip(lines, -128, 127)).astype(np.int8)
    head = whole.shape[0].to_bytes(1, "big")
    return base64.b64encode(zlib.compress(head + whole.tobytes())).decode()


def _unpacked(text: str) -> Array:
    data = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(data[1:], np.int8).reshape(data[0], -1).astype(np.float64)
