"""Kind D: sound that a rendition cannot have, and silence that is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tools.corpus import recipes
from tools.corpus.case import Case, Make
from tools.corpus.recipes import by_ffmpeg
from tools.corpus.workshop import Samples, Workshop, music, write_wav

KIND = "D"
RATE = 48_000
_LFE = 3


def cases() -> Iterator[Case]:
    """All of them."""
    made = {
        "lfe-only-passage.wav": _of(_lfe_only, 6),
        "lfe-only-passage-7.1.wav": _of(_lfe_only, 8),
        "silent-centre.wav": _of(_silent(2), 6),
        "all-channels.wav": _of(lambda played: played, 6),
        "one-silent-channel.wav": _of(_silent(1), 2),
        "silent.wav": _of(lambda played: 0 * played, 2),
        "silent-in-the-middle.wav": _of(_silent_middle, 2),
        "quiet.wav": _of(lambda played: played * 0.002, 2),
        "fade-to-nothing.wav": _of(_fade, 2),
        "left-against-right-in-part.wav": _of(_part_against, 2),
        "dc-offset.wav": _of(lambda played: played * 0.5 + 0.3, 2),
    }
    yield from recipes.cases(KIND, made)
    formats = {f"surround.{name}": by_ffmpeg(channels=6, rate=RATE) for name in ("flac", "ac3", "m4a", "opus", "wv")}
    yield from recipes.cases(KIND, formats)
    # Nothing of the sound is left, which is for a person to decide.
    lost = frozenset({"amr"})
    yield Case(KIND, "ultrasonic-noise.wav", _of(_ultrasonic, 1), open_as=lost)
    yield Case(KIND, "tone-of-10-khz.wav", _of(lambda played: _tone(played, 10_000), 1), open_as=lost)


def _of(change: Callable[[Samples], Samples], channels: int, seconds: float = 3.0) -> Make:
    def make(shop: Workshop, target: Path) -> None:
        write_wav(target, change(music(int(seconds * RATE), RATE, channels)), RATE)

    return make


def _lfe_only(played: Samples) -> Samples:
    half = len(played) // 2
    others = [channel for channel in range(played.shape[1]) if channel != _LFE]
    played[half:, others] = 0
    played[:, _LFE] = 0.5 * np.sin(2 * np.pi * 50 * np.arange(len(played)) / RATE)
    return played


def _silent(channel: int) -> Callable[[Samples], Samples]:
    def change(played: Samples) -> Samples:
        played[:, channel] = 0
        return played

    return change


def _silent_middle(played: Samples) -> Samples:
    played[len(played) // 3 : 2 * len(played) // 3] = 0
    return played


def _fade(played: Samples) -> Samples:
    return played * np.linspace(1, 0, len(played))[:, None] ** 4


def _part_against(played: Samples) -> Samples:
    played[:, 1] = played[:, 0]
    played[: len(played) // 4, 1] *= -0.5
    return played


def _ultrasonic(played: Samples) -> Samples:
    return _tone(played, 21_000) + 0.3 * _tone(played, 15_000)


def _tone(played: Samples, hertz: float) -> Samples:
    time = np.arange(len(played)) / RATE
    return np.repeat(0.4 * np.sin(2 * np.pi * hertz * time)[:, None], played.shape[1], axis=1)
