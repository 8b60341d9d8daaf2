"""The bitrate a rendition may have: what `ab`, `abopt` and `aq` ask for, and how near each codec comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from oss_audio_core.audio_convert import AudioConvert

_KBIT = 1000
_MP3 = tuple(_KBIT * rate for rate in (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320))
_MP3_LOW = tuple(_KBIT * rate for rate in (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160))
_MP3_LOWEST_RATE_OF_THE_FIRST = 32000
_AC3 = (32000, 40000, 48000, *(_KBIT * rate for rate in (56, 64, 80, 96, 112, 128, 160, 192, 224, 256)))
_AC3_HIGH = tuple(_KBIT * rate for rate in (320, 384, 448, 512, 576, 640))
_AMR_NB = (4750, 5150, 5900, 6700, 7400, 7950, 10200, 12200)
_AMR_WB = (6600, 8850, 12650, 14250, 15850, 18250, 19850, 23050, 23850)
_AMR_FRAMES_A_SECOND = 50
_AMR_FRAME_HEADER = 1

_CONSTANT = frozenset({"mp3", "ac3", "amr"})
"""Codecs of fixed steps: what was asked for is what the file has."""

_TOLERANCE: Mapping[str, float] = MappingProxyType(
    {"mp3": 0.05, "ac3": 0.02, "amr": 0.02, "aac": 0.15, "oga": 0.35, "opus": 0.25}
)
"""Part of the bitrate by which a file may lie above it (fixed steps: also below). Vorbis and Opus vary theirs with
the content around a nominal value; measured on noise, music-like mixtures and tones."""

_SLACK_FRAMES = 6
_FRAME_SAMPLES: Mapping[str, int] = MappingProxyType(
    {"mp3": 1152, "aac": 1024, "ac3": 1536, "oga": 2048, "opus": 960, "flac": 4608}
)
"""Frames of a short file that weigh: delay, padding, a bit reservoir, codebooks in the first packets."""

_HEADER_BITS = 8 * 8192
_MOST_PER_CHANNEL: Mapping[str, int] = MappingProxyType(
    {"mp3": 320_000, "aac": 576_000, "ac3": 640_000, "oga": 500_000, "opus": 510_000}
)
_PCM_BITS = 32


@dataclass(frozen=True)
class BitrateRange:
    """From `low` to `high` bit/s of audio data, `slack` bits more or less in all; `said` is that in words."""

    low: int
    high: int
    slack: int
    said: str

    def holds(self, bitrate: int, duration: float) -> bool:
        """Whether `bitrate` over `duration` seconds is in the range."""
        bits = bitrate * duration
        return self.low * duration - self.slack <= bits <= self.high * duration + self.slack


def bitrate_range(convert: AudioConvert, sample_rate: int, channels: int, source_bitrate: int) -> BitrateRange:
    """What a rendition at `sample_rate` Hz may have.

    With `ab` the nearest rate of the codec. `abopt` 1 takes the source's bitrate where that is lower: of the
    stream or of the file, the documentation does not say, so anything from three quarters of the stream's on is
    right. With `aq` or nothing, and for flac always, the limits of the format: `aq` has no documented scale.
    Codecs that vary their bitrate may stay below it by any amount: silence costs them nothing.
    """
    f = convert.f
    samples = _FRAME_SAMPLES.get(f, sample_rate // _AMR_FRAMES_A_SECOND)
    if convert.ab is None or f == "flac":
        most = _most(f, sample_rate, channels)
        why = "lossless" if f == "flac" else f"aq={convert.aq}" if convert.aq is not None else "no ab given"
        return BitrateRange(0, most, _HEADER_BITS, f"at most {most} bit/s ({why})")
    wanted = _nearest(f, convert.ab, sample_rate, channels)
    lowest = highest = wanted
    said = f"ab={convert.ab}"
    if convert.abopt == 1 and source_bitrate < convert.ab:
        lowest = min(_nearest(f, source_bitrate * 3 // 4, sample_rate, channels), wanted)
        highest = min(_nearest(f, source_bitrate * 5 // 4, sample_rate, channels), wanted)
        said = f"ab={convert.ab}, abopt=1, the source has {source_bitrate}"
    tolerance = _TOLERANCE[f]
    low = int(lowest * (1 - tolerance)) if f in _CONSTANT else 0
    high = int(highest * (1 + tolerance))
    slack = _SLACK_FRAMES * samples * highest // sample_rate + (0 if f in _CONSTANT else _HEADER_BITS)
    reach = f"{low} to {high}" if low else f"at most {high}"
    return BitrateRange(low, high, slack, f"{reach} bit/s ({said})")


def _most(f: str, sample_rate: int, channels: int) -> int:
    if f == "flac":
        return sample_rate * channels * _PCM_BITS
    if f == "amr":
        return round(_in_a_file((_AMR_NB if sample_rate == 8000 else _AMR_WB)[-1]) * (1 + _TOLERANCE[f]))
    return _MOST_PER_CHANNEL[f] * (channels if f not in {"mp3", "ac3"} else 1)


def _nearest(f: str, wanted: int, sample_rate: int, channels: int) -> int:
    steps: Sequence[int]
    if f == "mp3":
        steps = _MP3 if sample_rate >= _MP3_LOWEST_RATE_OF_THE_FIRST else _MP3_LOW
    elif f == "ac3":
        steps = (*_AC3, *_AC3_HIGH)
    elif f == "amr":
        steps = _AMR_NB if sample_rate == 8000 else _AMR_WB
        return _in_a_file(min(steps, key=lambda step: (abs(step - wanted), step)))
    else:
        # Vorbis and Opus don't go below a rate of their own for a channel; the others take any.
        return max(wanted, {"oga": 32_000, "opus": 6_000}.get(f, 8_000) * channels)
    return min(steps, key=lambda step: (abs(step - wanted), step))


def _in_a_file(mode: int) -> int:
    """Bit/s of an AMR mode as stored: each frame of 20 ms has a byte before it and fills its last one (RFC 4867)."""
    return 8 * _AMR_FRAMES_A_SECOND * (_AMR_FRAME_HEADER + -(-mode // (8 * _AMR_FRAMES_A_SECOND)))
