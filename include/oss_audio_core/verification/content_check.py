"""The check `content`: the rendition has the sound of its source, where its source has it, in the right channels."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from oss_audio_core.verification.checks import Check, check, not_checked
from oss_audio_core.verification.expectation import Expectation
from oss_audio_core.verification.inspection import Inspection
from oss_audio_core.verification.outline_comparison import Distance, best_shift, distance, lines_between
from oss_audio_core.verification.sound_outline import SoundOutline

NAME = "content"
WANTED = "the sound of the source, moment by moment"

FAR = 3.2
"""dB of mean distance that no codec was seen to reach (2.4 at the lowest bitrates of all formats)."""

NO_NEARER = 0.75
"""Part of the distance by chance: two that are hardly nearer have nothing to do with one another."""

FAR_IN_PASSAGE = 9.0
"""dB of mean distance of a passage; 4.1 was seen."""

NO_NEARER_IN_PASSAGE = 0.5

STEADY = 0.5
"""Part of the mean distance that the sound's own changes must come to, or else its moments can't be told apart: a tone
between two bands falls into one or the other by the sample rate at which it is measured."""

FAR_OF_STEADY = 15.0
"""dB of mean distance of a sound that hardly changes; 9.0 was seen."""

_FEWEST_COLUMNS = 12
_PASSAGE_SECONDS = 1.0
_PASSAGE_COLUMNS = 8
_PASSAGE_FILLED = 0.4
"""Part of a passage's columns that must have sound to compare."""

_BEST_SHIFT = 0.7
"""Part of the distance that another place in the source must come down to, to be named as the right one."""

_LATEST = 30.0
"""Seconds around the right place in which a shifted sound is looked for."""

_ROUNDING = 0.02
"""Seconds by which any codec may move the sound."""

_MOST_UNCLEAR = 0.3
"""Seconds; a delay of an encoder is shorter."""

_LOUD = -45.0
_SWAPPED = 6.0
"""dB by which the channels must fit better in another order."""

_FITS = 3.0
"""dB by which they may differ in that order."""

_COHERENT = 0.5
"""Correlation of left and right from where on they are of one polarity."""

_MOST_CHANNELS = 6
"""Up to so many channels are tried in every order."""

Array = npt.NDArray[Any]


def content_check(expectation: Expectation, source: Inspection, rendition: Inspection) -> Check:
    """Compare the outlines of a source and of a rendition of it."""
    if source.outline is None or rendition.outline is None:
        return not_checked(NAME, WANTED, "the source was measured by an earlier version, without an outline")
    original, made = SoundOutline.from_json(source.outline), SoundOutline.from_json(rendition.outline)
    duration = min(source.duration - expectation.start, rendition.duration)
    if (order := _another_order(original, made, expectation.start, duration)) is not None:
        return check(NAME, WANTED, order, right=False)
    found = distance(original, made, expectation.start, duration, *_lags(expectation))
    if found.columns < _FEWEST_COLUMNS:
        return not_checked(NAME, WANTED, f"{found.columns} moments with sound to compare are too few")
    measured = f"{found.mean:.1f} dB apart on average, {found.mean_by_chance:.1f} dB by chance"
    steady = found.own < STEADY * found.mean
    if found.mean > (FAR_OF_STEADY if steady else FAR) and found.mean > NO_NEARER * found.mean_by_chance:
        shift = best_shift(original, made, expectation.start, duration, _LATEST)
        return check(NAME, WANTED, f"{measured}{_elsewhere(found, shift)}", right=False)
    if (passage := _far_passage(found)) is not None:
        begin, end, apart = passage
        said = f"another sound from {begin:.2f} to {end:.2f} s, {apart:.1f} dB apart"
        return check(NAME, WANTED, said, right=False)
    if steady and found.mean > FAR:
        return not_checked(NAME, WANTED, f"{measured}: the sound changes too little to compare its moments")
    return check(NAME, WANTED, measured, right=True)


def _lags(expectation: Expectation) -> tuple[float, float]:
    """Seconds by which the sound may come early and late: delays that a format does not state."""
    durations = [length.duration for length in expectation.lengths.every]
    unclear = min(max(durations) - min(durations), _MOST_UNCLEAR)
    late = expectation.lengths.every[0].longer_by + expectation.unknown_delay
    return _ROUNDING + unclear, _ROUNDING + unclear + min(late, _MOST_UNCLEAR)


def _far_passage(found: Distance) -> tuple[float, float, float] | None:
    """Begin, end and distance of the worst passage, if it is another sound."""
    width = max(round(_PASSAGE_SECONDS / found.step), _PASSAGE_COLUMNS)
    if len(found.aligned) < width:
        return None
    number, apart = _moving_mean(found.aligned, width)
    _, by_chance = _moving_mean(found.by_chance, width)
    enough = number >= max(width * _PASSAGE_FILLED, _PASSAGE_COLUMNS * 0.75)
    far = np.where(
        enough & (apart > FAR_IN_PASSAGE + found.steady) & (apart > NO_NEARER_IN_PASSAGE * by_chance), apart, 0
    )
    at = int(far.argmax())
    return (at * found.step, (at + width) * found.step, float(far[at])) if far[at] else None


def _moving_mean(line: Array, width: int) -> tuple[Array, Array]:
    """How many columns of each passage have a value, and their mean."""
    known = np.isfinite(line)
    window = np.ones(width)
    number = np.convolve(known, window, "valid")
    return number, np.convolve(np.where(known, line, 0), window, "valid") / np.maximum(number, 1)


def _elsewhere(found: Distance, shift: tuple[float, float]) -> str:
    """Where in the source the sound is, if it is there at another time."""
    late, mean = shift
    if not late or mean > found.mean * _BEST_SHIFT:
        return ""
    return f"; {abs(late):.2f} s {'later' if late > 0 else 'earlier'} it fits the source"


def _another_order(original: SoundOutline, made: SoundOutline, start: float, duration: float) -> str | None:
    """What is wrong with the channels that both have: exchanged, or one turned around."""
    count = len(original.channels)
    if count != len(made.channels) or not 2 <= count <= _MOST_CHANNELS:
        return None
    step = max(original.channel_step, made.channel_step)
    edges = np.arange(int(duration / step) + 1) * step
    if len(edges) < 2:
        return None
    levels = lines_between(original.channels, original.channel_step, edges + start)
    others = lines_between(made.channels, made.channel_step, edges)
    loud = np.maximum(levels.max(axis=0), others.max(axis=0)) > _LOUD
    if not loud.any():
        return None
    levels, others = (np.maximum(lines[:, loud], 2 * _LOUD) for lines in (levels, others))
    gain = float(np.median(others.max(axis=0) - levels.max(axis=0)))
    apart = np.abs(others[:, np.newaxis] - gain - levels[np.newaxis]).mean(axis=2)
    orders = {
        order: float(np.mean([apart[at, of] for at, of in enumerate(order)])) for order in permutations(range(count))
    }
    straight = tuple(range(count))
    order = min(orders, key=lambda one: orders[one])
    if orders[straight] - orders[order] > _SWAPPED and orders[order] < _FITS:
        names = ", ".join(str(of + 1) for of in order)
        return f"the channels are those of the source in the order {names}"
    return _turned(original, made, start, edges, loud) if count == 2 else None


def _turned(original: SoundOutline, made: SoundOutline, start: float, edges: Array, loud: Array) -> str | None:
    """Whether the polarity of one of two channels is inverted."""
    middles = (edges[:-1] + edges[1:]) / 2
    alike = [
        np.interp(middles + begin, (np.arange(len(one.coherence)) + 0.5) * one.channel_step, one.coherence)[loud]
        for one, begin in ((original, start), (made, 0.0))
    ]
    # The other way round it may be a codec's doing: at low bitrates it gives up opposite channels.
    if np.median(alike[0]) > _COHERENT and np.median(alike[1]) < -_COHERENT:
        return "the polarity of one channel is inverted"
    return None
