"""Levels of decoded audio, block by block: peaks, power, clipping, silence, and the time lines made of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from oss_audio_core.verification.downsampling import BoundedTimeline
from oss_audio_core.verification.sound_outline import LOW_FREQUENCY

SILENCE = 10 ** (-60 / 20)
"""Full scale 1: what stays below is called silent (-60 dBFS)."""

CLIPPED = 32767 / 32768 - 1e-6
"""Full scale 1: the largest sample of 16 bits, and everything beyond."""

IN_HEADROOM = 1 + 1e-4
"""Full scale 1: what is beyond in a float file was not clipped there; it lies in the headroom of floats."""

CLIPPED_RUN = 3
"""So many clipped samples of a channel in a row are a clipped run: one or two are just a peak."""

BUCKET = 256
"""Samples whose extremes are taken first; everything coarser is made of these."""

LONGEST_WINDOW = 1 << 20
"""Samples: a quarter of a second at 4 MHz. A header may say 2,147,483,647 Hz, and a window is in memory whole."""

LEVEL_SECONDS = 0.25
LEVEL_COLUMNS = 1024
PEAK_COLUMNS = 2048

LOWEST_DB = -120.0
"""dBFS that stands for digital silence and whatever is quieter."""

Block = npt.NDArray[np.float32]


def decibels(value: float) -> float:
    """Convert an amplitude to dBFS, with two decimals and not below `LOWEST_DB`."""
    return max(round(20 * math.log10(value), 2), LOWEST_DB) if value > 0 else LOWEST_DB


def level_window(sample_rate: int) -> int:
    """Samples per column of the time line at its finest: about a quarter of a second."""
    return min(max(BUCKET, round(sample_rate * LEVEL_SECONDS / BUCKET) * BUCKET), LONGEST_WINDOW)


class Levels:
    """Takes blocks of shape (channels, samples), each but the last a multiple of `level_window` samples.

    `has_headroom`: samples beyond full scale are not clipped, as in PCM of floats.
    """

    def __init__(self, channel_names: Sequence[str], sample_rate: int, *, has_headroom: bool = False) -> None:
        channels = len(channel_names)
        # A downmix drops the low-frequency effects: what sounds there alone is silence elsewhere.
        full = [at for at, name in enumerate(channel_names) if name != LOW_FREQUENCY]
        self._full = full if 0 < len(full) < channels else None
        self._clips_until = IN_HEADROOM if has_headroom else math.inf
        self._window = level_window(sample_rate)
        self.samples = 0
        self.clipped_samples = 0
        self.clipped_runs = 0
        self._rate = sample_rate
        self._peak = np.zeros(channels)
        self._power = np.zeros(channels)
        self._first_loud: int | None = None
        self._end_of_loud = 0
        self._open_run = [0] * channels
        self._levels = BoundedTimeline(self._window, LEVEL_COLUMNS, np.maximum)
        self._waveform = BoundedTimeline(BUCKET, PEAK_COLUMNS, np.maximum)

    def add(self, block: Block) -> None:
        """Take in the next block; one that is not a multiple of the window has to be the last."""
        count = block.shape[1]
        padded = block
        if count % BUCKET:
            padded = np.pad(block, ((0, 0), (0, BUCKET - count % BUCKET)), mode="edge")
        buckets = padded.reshape(block.shape[0], -1, BUCKET)
        highest, lowest = buckets.max(axis=2), buckets.min(axis=2)
        extremes = np.maximum(highest, -lowest)
        peak = extremes.max(axis=1)
        self._peak = np.maximum(self._peak, peak)
        self._power += [float(np.dot(channel, channel)) for channel in block]
        if peak.max() >= SILENCE:
            self._find_loud(block, extremes.max(axis=0))
        for channel in range(block.shape[0]):
            if peak[channel] >= CLIPPED or self._open_run[channel]:
                self._count_clipped(channel, block[channel])
        self._levels.add(self._by_window(extremes if self._full is None else extremes[self._full]))
        # The lowest sample as a negative maximum: both lines then merge in one way.
        self._waveform.add(np.stack((highest.max(axis=0), -lowest.min(axis=0))))
        self.samples += count

    def finish(self) -> None:
        """The end of the audio: close runs that are still open."""
        for channel in range(len(self._open_run)):
            self._close_run(channel)

    @property
    def peaks(self) -> list[float]:
        """Levels of the largest sample of each channel, in dBFS."""
        return [decibels(float(value)) for value in self._peak]

    @property
    def rms(self) -> list[float]:
        """Root mean square of each channel, in dBFS (a full-scale sine has -3.01)."""
        return [decibels(math.sqrt(power / self.samples)) if self.samples else LOWEST_DB for power in self._power]

    @property
    def silence(self) -> tuple[float, float]:
        """Seconds at the head and at the tail below `SILENCE` in all channels; the whole twice if all of it is."""
        if self._first_loud is None:
            return self.samples / self._rate, self.samples / self._rate
        return self._first_loud / self._rate, (self.samples - self._end_of_loud) / self._rate

    def line(self) -> tuple[float, list[int]]:
        """Seconds per column, and the peak of each in whole dBFS over all channels."""
        columns = self._levels.columns().max(axis=0)
        return self._levels.step / self._rate, [math.floor(decibels(float(value))) for value in columns]

    def waveform(self) -> tuple[int, list[int]]:
        """Samples per pixel, and lowest and highest sample of each over all channels in 8 bits, one after the other."""
        if not self.samples:
            return BUCKET, []
        highest, negative_lowest = self._waveform.columns()
        pairs = np.stack((-negative_lowest, highest), axis=1).reshape(-1)
        return self._waveform.step, np.clip(np.round(pairs * 128), -128, 127).astype(int).tolist()

    def _by_window(self, extremes: npt.NDArray[Any]) -> npt.NDArray[Any]:
        each = self._window // BUCKET
        missing = -extremes.shape[1] % each
        whole = np.pad(extremes, ((0, 0), (0, missing)), mode="constant") if missing else extremes
        return np.asarray(whole.reshape(extremes.shape[0], -1, each).max(axis=2))

    def _find_loud(self, block: Block, extremes: npt.NDArray[Any]) -> None:
        loud = np.flatnonzero(extremes >= SILENCE)
        if self._first_loud is None:
            at = int(loud[0]) * BUCKET
            self._first_loud = self.samples + at + int(_loud_samples(block[:, at : at + BUCKET])[0])
        at = int(loud[-1]) * BUCKET
        self._end_of_loud = self.samples + at + int(_loud_samples(block[:, at : at + BUCKET])[-1]) + 1

    def _count_clipped(self, channel: int, samples: npt.NDArray[np.float32]) -> None:
        magnitudes = np.abs(samples)
        clipped = (magnitudes >= CLIPPED) & (magnitudes <= self._clips_until)
        edges = np.flatnonzero(np.diff(clipped, prepend=False, append=False))
        begins, ends = edges[0::2], edges[1::2]
        lengths: Sequence[int] = (ends - begins).tolist()
        for begin, end, length in zip(begins.tolist(), ends.tolist(), lengths, strict=True):
            if begin:
                self._close_run(channel)
            self._open_run[channel] += length
            if end < len(samples):
                self._close_run(channel)
        if not len(edges):
            self._close_run(channel)

    def _close_run(self, channel: int) -> None:
        length, self._open_run[channel] = self._open_run[channel], 0
        if length >= CLIPPED_RUN:
            self.clipped_runs += 1
            self.clipped_samples += length


def _loud_samples(samples: Block) -> npt.NDArray[Any]:
    return np.flatnonzero(np.abs(samples).max(axis=0) >= SILENCE)
