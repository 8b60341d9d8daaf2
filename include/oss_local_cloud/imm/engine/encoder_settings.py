"""The encoder of each codec, and `ab` and `aq` on its own scale: one row a codec.

`ab` (bit/s) goes to the nearest rate that the codec has. `aq` (0 to 100) has no scale in the documentation. The
mappings here are choices, listed in docs/local-cloud-conversion.md. The size grows with `aq` for every format but flac,
where it can only buy compression.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from oss_audio_core.audio_convert import FORMATS
from oss_audio_core.audio_convert.codec_facts import CODECS

Arguments = Callable[[int, int, int], list[str]]
"""FFmpeg's options for (`ab` or `aq`, sample rate in Hz, channels)."""


@dataclass(frozen=True)
class EncoderSettings:
    """How one codec is encoded.

    Attributes:
        encoder: FFmpeg's name of the encoder.
        bitrate: options for `ab` bit/s.
        quality: options for a quality of 0 (worst) to 100 (best).
    """

    encoder: str
    bitrate: Arguments
    quality: Arguments


MUXERS: Mapping[str, str] = MappingProxyType(
    {"mp3": "mp3", "aac": "adts", "flac": "flac", "oga": "oga", "ac3": "ac3", "opus": "opus", "amr": "amr"}
)
"""FFmpeg's muxer of each output format."""


def settings_for(f: str, sample_rate: int) -> EncoderSettings | None:
    """The encoder of a format at a sample rate; None: this engine cannot make the format."""
    return ENCODERS.get(FORMATS[f].codec(sample_rate)) if f in MUXERS else None


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
"""What libvorbis accepts as a nominal bitrate, in kbit/s, by sample rate: for mono, for stereo, and per channel for
more. Outside of it the encoder does not start. Found by trying; above 48 kHz hardly any bitrate works."""

_VORBIS_QUALITIES = (64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 500)
"""Nominal bitrate of libvorbis's qualities 0 to 10 for stereo at 44.1 kHz, in kbit/s."""

_VORBIS_WORST = {22050: 0.5, 24000: 0.5}
"""At these rates libvorbis writes more bytes for a quality below this one than for the next better ones."""


def bitrate_arguments(f: str, ab: int, sample_rate: int, channels: int) -> list[str]:
    """FFmpeg's options for a bitrate of `ab` bit/s. A lossless codec has none."""
    return _settings(f, sample_rate).bitrate(ab, sample_rate, channels)


def quality_arguments(f: str, aq: int, sample_rate: int, channels: int) -> list[str]:
    """FFmpeg's options for a quality of `aq`, 0 (worst) to 100 (best)."""
    return _settings(f, sample_rate).quality(aq, sample_rate, channels)


def _settings(f: str, sample_rate: int) -> EncoderSettings:
    found = settings_for(f, sample_rate)
    if found is None:
        raise ValueError(f"this engine has no encoder for f={f}")
    return found


def _plain_bitrate(ab: int, sample_rate: int, channels: int) -> list[str]:
    """Of encoders that take any bitrate and go to the nearest they can."""
    return ["-b:a", str(ab)]


def _stepped_bitrate(codec: str) -> Arguments:
    """Of encoders that refuse a bitrate between their steps."""

    def arguments(ab: int, sample_rate: int, channels: int) -> list[str]:
        return ["-b:a", str(_nearest(_steps(codec, sample_rate, channels), ab))]

    return arguments


def _stepped_quality(codec: str) -> Arguments:
    """The steps of a codec, from the lowest to the highest."""

    def arguments(aq: int, sample_rate: int, channels: int) -> list[str]:
        steps = _steps(codec, sample_rate, channels)
        return ["-b:a", str(steps[round((len(steps) - 1) * aq / 100)])]

    return arguments


def _mp3_quality(aq: int, sample_rate: int, channels: int) -> list[str]:
    return ["-q:a", _number(9 - 9 * aq / 100)]


def _aac_quality(aq: int, sample_rate: int, channels: int) -> list[str]:
    return ["-b:a", str(round(_between(*_aac_range(sample_rate), aq / 100)) * channels)]


def _flac_bitrate(ab: int, sample_rate: int, channels: int) -> list[str]:
    return []


def _flac_quality(aq: int, sample_rate: int, channels: int) -> list[str]:
    return ["-compression_level", str(round(8 * aq / 100))]


def _vorbis_bitrate(ab: int, sample_rate: int, channels: int) -> list[str]:
    if sample_rate not in _VORBIS_RANGES:
        return ["-q:a", _number(_vorbis_quality_of(ab / 1000, channels))]
    mono, stereo, each = _VORBIS_RANGES[sample_rate]
    low, high = {1: mono, 2: stereo}.get(channels, (each[0] * channels, each[1] * channels))
    return ["-b:a", str(min(max(ab, low * 1000), high * 1000))]


def _vorbis_quality(aq: int, sample_rate: int, channels: int) -> list[str]:
    worst = _VORBIS_WORST.get(sample_rate, 0)
    return ["-q:a", _number(worst + (10 - worst) * aq / 100)]


def _opus_bitrate(ab: int, sample_rate: int, channels: int) -> list[str]:
    # Left free, opus takes half as much again for tones.
    return ["-b:a", str(min(max(ab, 500 * channels), 256_000 * channels)), "-vbr", "constrained"]


def _opus_quality(aq: int, sample_rate: int, channels: int) -> list[str]:
    return ["-b:a", str(round(_between(12_000, 160_000, aq / 100)) * channels)]


ENCODERS: Mapping[str, EncoderSettings] = MappingProxyType(
    {
        "mp3": EncoderSettings("libmp3lame", _plain_bitrate, _mp3_quality),
        "aac": EncoderSettings("aac", _plain_bitrate, _aac_quality),
        "flac": EncoderSettings("flac", _flac_bitrate, _flac_quality),
        "vorbis": EncoderSettings("libvorbis", _vorbis_bitrate, _vorbis_quality),
        "ac3": EncoderSettings("ac3", _stepped_bitrate("ac3"), _stepped_quality("ac3")),
        "opus": EncoderSettings("libopus", _opus_bitrate, _opus_quality),
        "amr_nb": EncoderSettings("libopencore_amrnb", _stepped_bitrate("amr_nb"), _stepped_quality("amr_nb")),
        "amr_wb": EncoderSettings("libvo_amrwbenc", _stepped_bitrate("amr_wb"), _stepped_quality("amr_wb")),
    }
)
"""The encoder of each codec, by FFmpeg's name of the codec."""


def _steps(codec: str, sample_rate: int, channels: int) -> tuple[int, ...]:
    """Less than 16 kbit/s a channel is not enough for every signal: the ac3 encoder then gives up in the middle."""
    steps = CODECS[codec].bitrate_steps(sample_rate)
    return tuple(step for step in steps if step >= 16_000 * channels) if codec == "ac3" else steps


def _nearest(steps: Sequence[int], wanted: int) -> int:
    """The step next to `wanted`; the lower one of two equally near."""
    return min(steps, key=lambda step: (abs(step - wanted), step))


def _aac_range(sample_rate: int) -> tuple[float, float]:
    """Bit/s of a channel for the worst and the best quality.

    Of the encoder's variable mode the size falls again towards its end, and at low rates below 8 kbit/s, too.
    """
    part = min(sample_rate, 48000) / 48000
    return max(8000, 12000 * part), 96000 * part


def _between(low: float, high: float, part: float) -> float:
    """From `low` (0) to `high` (1), each step by the same factor."""
    return low * math.exp(math.log(high / low) * part)


def _vorbis_quality_of(kbit: float, channels: int) -> float:
    """The quality whose nominal bitrate is nearest, between two by proportion."""
    stereo = kbit * 2 / channels
    steps = _VORBIS_QUALITIES
    for index in range(len(steps) - 1):
        if stereo <= steps[index + 1]:
            return max(0.0, index + (stereo - steps[index]) / (steps[index + 1] - steps[index]))
    return 10.0


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
