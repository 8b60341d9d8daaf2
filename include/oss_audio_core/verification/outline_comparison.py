"""How far two outlines are from one another: aligned, freed of level and tone, and set against chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from oss_audio_core.verification.sound_outline import FLOOR_DB, SoundOutline

Array = npt.NDArray[Any]

_QUIET = -62.0
"""dBFS of a band, from where on a codec may drop it."""

_MASKED = 12.0
"""dB below the loudest band of the same moment, from where on a codec may change a band."""

_MINOR = 25.0
"""dB below the whole sound of the same moment, from where on a codec may change the mix of the bands."""

_ADDED = 10.0
"""dB below the whole sound: what a rendition has more than its source is no noise of a codec above."""

_EMPHASIS = np.array([[-16.0], [-11.0], [-5.0], [0.0], [5.0]])
"""dB for each band: the higher ones have less power, and tell as much."""

_GAIN = 12.0
"""dB by which mixing channels may change the level."""

_TONE = 6.0
"""dB by which a codec may change one band throughout."""

_FARTHEST = 40.0
"""dB that stand for any difference above."""

_LASTING = 3
"""Columns of a sound at least."""

_LAG_STEP = 0.01
_STEP = 0.06
"""Seconds of a column at least: a codec smears what is shorter."""

_SHIFTS = (0.17, 0.29, 0.41, 0.53, 0.67, 0.83)
"""Parts of the duration by which the rendition is turned to see how near the two are by chance."""


@dataclass(frozen=True, eq=False)
class Distance:
    """Differences of a rendition from its source, in dB for each column; nan where neither has sound to compare.

    Attributes:
        step: seconds of a column.
        lag: seconds by which the rendition is late.
        aligned: of the two as they are.
        by_chance: of the source and the rendition turned against it, the mean of some turns.
        own: of the source and itself turned, likewise, as a mean in dB: how much the sound changes at all.
    """

    step: float
    lag: float
    aligned: Array
    by_chance: Array
    own: float

    @property
    def columns(self) -> int:
        """How many columns could be compared."""
        return int(np.isfinite(self.aligned).sum())

    @property
    def mean(self) -> float:
        """The mean of all columns, 0 without any."""
        return _mean_of(self.aligned)

    @property
    def steady(self) -> float:
        """The distance that most columns have at least: the difference of two tones that don't change."""
        known = self.aligned[np.isfinite(self.aligned)]
        return float(np.percentile(known, 25)) if len(known) else 0.0

    @property
    def mean_by_chance(self) -> float:
        """The mean of `by_chance`, 0 without any column."""
        return _mean_of(self.by_chance)


def distance(
    source: SoundOutline, rendition: SoundOutline, start: float, duration: float, early: float, late: float
) -> Distance:
    """Compare `duration` seconds of a rendition with its source from `start` seconds on.

    Args:
        source: outline of the whole source.
        rendition: outline of the rendition.
        start: where in the source the rendition begins.
        duration: seconds to compare.
        early: seconds by which the rendition may be early.
        late: seconds by which it may be late.
    """
    step = max(source.step, rendition.step, _STEP)
    edges = np.arange(int(duration / step) + 1) * step
    if len(edges) < 2:
        return Distance(step, 0.0, np.zeros(0), np.zeros(0), 0.0)
    sound = lines_between(source.bands, source.step, edges + start) + _EMPHASIS
    whole = lines_between(source.channels, source.channel_step, edges + start).max(axis=0)
    lags = np.arange(-early, late + _LAG_STEP / 2, _LAG_STEP)
    tried = [_at_lag(sound, whole, rendition, edges + lag) for lag in lags]
    best = int(np.argmin([_mean_of(aligned) for _, aligned in tried]))
    other, aligned = tried[best]
    count = other.shape[1]
    turned = [int(count * shift) for shift in _SHIFTS]
    by_chance = _mean(np.stack([_columns(sound, np.roll(other, turn, axis=1), whole) for turn in turned]))
    own = _mean(np.stack([_columns(sound, np.roll(sound, turn, axis=1), whole) for turn in turned]))
    return Distance(step, float(lags[best]), aligned, by_chance, _mean_of(own))


def best_shift(
    source: SoundOutline, rendition: SoundOutline, start: float, duration: float, most: float
) -> tuple[float, float]:
    """Look for the sound at another time.

    Args:
        source: outline of the whole source.
        rendition: outline of the rendition.
        start: where in the source the rendition begins.
        duration: seconds to compare.
        most: seconds, earlier or later.

    Returns:
        Seconds by which the rendition is late where the two are nearest, and their mean distance there in dB.
    """
    step = max(source.step, rendition.step, _STEP)
    edges = np.arange(int(duration / step) + 1) * step
    sound = lines_between(source.bands, source.step, edges + start) + _EMPHASIS
    whole = lines_between(source.channels, source.channel_step, edges + start).max(axis=0)
    other, _ = _at_lag(sound, whole, rendition, edges)
    count = sound.shape[1]
    farthest = min(int(most / step), count // 2)
    means = {}
    for late in range(-farthest, farthest + 1):
        first, last = max(-late, 0), count - max(late, 0)
        aligned = _columns(sound[:, first:last], other[:, first + late : last + late], whole[first:last])
        if 3 * np.isfinite(aligned).sum() > count:
            means[late] = _mean_of(aligned)
    late = min(means, key=lambda one: means[one], default=0)
    return late * step, means.get(late, _FARTHEST)


def _at_lag(sound: Array, whole: Array, rendition: SoundOutline, edges: Array) -> tuple[Array, Array]:
    """The rendition's bands between `edges`, at the source's level, and their differences."""
    other = lines_between(rendition.bands, rendition.step, edges) + _EMPHASIS
    other = other - _clipped(_level(other) - _level(sound), _GAIN)
    return other, _columns(sound, other, whole)


def lines_between(lines: Array, step: float, edges: Array) -> Array:
    """Mean levels in dBFS between `edges`, in seconds, of lines in dBFS that have a column each `step` seconds."""
    total = np.concatenate((np.zeros((len(lines), 1)), np.cumsum(10 ** (lines / 10), axis=1)), axis=1)
    known = np.arange(total.shape[1]) * step
    means = np.diff(np.stack([np.interp(edges, known, line) for line in total]), axis=1) * step / np.diff(edges)
    return _decibels(means)


def _decibels(power: Array) -> Array:
    return np.asarray(10 * np.log10(np.maximum(power, 10 ** (FLOOR_DB / 10))))


def _columns(sound: Array, other: Array, whole: Array) -> Array:
    """Differences in dB, of the bands that matter in each column."""
    louder = np.maximum(sound, other)
    counts = (louder > _QUIET) & (louder >= louder.max(axis=0) - _MASKED)
    counts &= (sound > whole - _MINOR) | (other > whole - _ADDED)
    difference = np.maximum(other, _QUIET) - np.maximum(sound, _QUIET)
    for band, line in enumerate(difference):
        if counts[band].any():
            difference[band] = line - _clipped(float(np.median(line[counts[band]])), _TONE)
    number = counts.sum(axis=0) * _lasting(counts.any(axis=0))
    summed = (np.minimum(np.abs(difference), _FARTHEST) * counts).sum(axis=0)
    return np.where(number > 0, summed / np.maximum(number, 1), np.nan)


def _lasting(sounds: Array) -> Array:
    """Those columns of a sound that lasts for some: speech codecs do with a click as they like."""
    edges = np.flatnonzero(np.diff(sounds, prepend=False, append=False))
    lasting = np.zeros(len(sounds), bool)
    for begin, end in zip(edges[0::2], edges[1::2], strict=True):
        lasting[begin:end] = end - begin >= _LASTING
    return lasting


def _mean(several: Array) -> Array:
    known = np.isfinite(several)
    number = known.sum(axis=0)
    return np.where(number > 0, np.where(known, several, 0).sum(axis=0) / np.maximum(number, 1), np.nan)


def _level(lines: Array) -> float:
    return float(_decibels(np.asarray(np.mean(10 ** (lines / 10)))))


def _mean_of(line: Array) -> float:
    known = line[np.isfinite(line)]
    return float(known.mean()) if len(known) else 0.0


def _clipped(value: float, most: float) -> float:
    return min(max(value, -most), most)
