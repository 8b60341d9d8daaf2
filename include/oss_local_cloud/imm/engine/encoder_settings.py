"""`ab` and `aq` on each encoder's own scale.

`ab` (bit/s) goes to the nearest rate the codec has. `aq` (0 to 100) has no scale in the documentation; the
mappings here are choices, listed in docs/local-cloud-conversion.md. The size grows with `aq` for every
format but flac, where it can only buy compression.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

AMR_NB_RATES = (4750, 5150, 5900, 6700, 7400, 7950, 10200, 12200)
AMR_WB_RATES = (6600, 8850, 12650, 14250, 15850, 18250, 19850, 23050, 23850)
AC3_RATES = tuple(
    1000 * kbit for kbit in (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
)

# What libvorbis accepts as a nominal bitrate, in kbit/s, by sample rate: for mono, for stereo, and per
# channel for more. Outside of it the encoder does not start. Found by trying; above 48 kHz hardly any
# bitrate works.
_VORBIS_RANGES: dict[int, tuple[tuple[int, int], tuple[int, int], tuple[int, int]]] = {
    8000: ((8, 40), (12, 80), (8, 37)),
    11025: ((12, 48), (16, 100), (14, 42)),
    12000: ((12, 48), (16, 100), (14, 42)),
    16000: ((16, 100), (24, 200), (16, 83)),
    22050: ((16, 86), (32, 180), (16, 80)),
    24000: ((16, 86), (32, 180), (16, 80)),
    32000: ((32, 180), (40, 320), (32, 160)),
    44100: ((32, 240), (48, 500), (32, 210)),
    48000: ((32, 240), (48, 500), (32, 210)),
}
# Nominal bitrate of libvorbis's qualities 0 to 10 for stereo at 44.1 kHz, in kbit/s.
_VORBIS_QUALITIES = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)
# At these rates libvorbis writes more bytes for a quality below 0.5 than for the next better ones.
_VORBIS_WORST = {22050: 0.5, 24000: 0.5}


def nearest(rates: Sequence[int], wanted: int) -> int:
    """The rate next to `wanted`; the lower one of two equally near."""
    return min(rates, key=lambda rate: (abs(rate - wanted), rate))


def bitrate_arguments(f: str, ab: int, sample_rate: int, channels: int) -> list[str]:
    """FFmpeg's options for a bitrate of `ab` bit/s. A lossless codec has none."""
    if f == "flac":
        return []
    if f == "oga" and sample_rate not in _VORBIS_RANGES:
        return ["-q:a", _number(_vorbis_quality(ab / 1000, channels))]
    arguments = ["-b:a", str(_bitrate(f, ab, sample_rate, channels))]
    # Left free, opus takes half as much again for tones.
    return [*arguments, "-vbr", "constrained"] if f == "opus" else arguments


def quality_arguments(f: str, aq: int, sample_rate: int, channels: int) -> list[str]:
    """FFmpeg's options for a quality of `aq`, 0 (worst) to 100 (best)."""
    part = aq / 100
    if f == "mp3":
        return ["-q:a", _number(9 - 9 * part)]
    if f == "aac":
        return ["-b:a", str(round(_between(*_aac_range(sample_rate), part)) * channels)]
    if f == "flac":
        return ["-compression_level", str(round(8 * part))]
    if f == "oga":
        worst = _VORBIS_WORST.get(sample_rate, 0)
        return ["-q:a", _number(worst + (10 - worst) * part)]
    if f == "ac3":
        return ["-b:a", str(_step(_ac3_rates(channels), part))]
    if f == "opus":
        return ["-b:a", str(round(_between(12000, 160000, part)) * channels)]
    return ["-b:a", str(_step(_amr_rates(sample_rate), part))]


def _bitrate(f: str, ab: int, sample_rate: int, channels: int) -> int:
    if f == "oga":
        mono, stereo, each = _VORBIS_RANGES[sample_rate]
        low, high = {1: mono, 2: stereo}.get(channels, (each[0] * channels, each[1] * channels))
        return min(max(ab, low * 1000), high * 1000)
    if f == "opus":
        return min(max(ab, 500 * channels), 256000 * channels)
    if f == "ac3":
        return nearest(_ac3_rates(channels), ab)
    if f == "amr":
        return nearest(_amr_rates(sample_rate), ab)
    return ab  # mp3 and aac encoders take any and go to the nearest they can


def _ac3_rates(channels: int) -> tuple[int, ...]:
    """Less than 16 kbit/s a channel is not for every signal: the encoder then gives up in the middle."""
    return tuple(rate for rate in AC3_RATES if rate >= 16000 * channels)


def _aac_range(sample_rate: int) -> tuple[float, float]:
    """Bit/s of a channel for the worst and the best quality.

    Of the encoder's variable mode the size falls again towards its end, and at low rates below 8 kbit/s, too.
    """
    part = min(sample_rate, 48000) / 48000
    return max(8000, 12000 * part), 96000 * part


def _between(low: float, high: float, part: float) -> float:
    """From `low` (0) to `high` (1), each step by the same factor."""
    return low * math.exp(math.log(high / low) * part)


def _amr_rates(sample_rate: int) -> tuple[int, ...]:
    return AMR_NB_RATES if sample_rate == 8000 else AMR_WB_RATES


def _step(rates: Sequence[int], part: float) -> int:
    return rates[round((len(rates) - 1) * part)]


def _vorbis_quality(kbit: float, channels: int) -> float:
    """The quality whose nominal bitrate is nearest, between two by proportion."""
    stereo = kbit * 2 / channels
    steps = _VORBIS_QUALITIES
    for index in range(len(steps) - 1):
        if stereo <= steps[index + 1]:
            return max(0.0, index + (stereo - steps[index]) / (steps[index + 1] - steps[index]))
    return 10.0


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
