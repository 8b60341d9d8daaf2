"""The bitrate a rendition may have: what `ab`, `abopt` and `aq` ask for, and how near each codec comes."""

from __future__ import annotations

from dataclasses import dataclass

from oss_audio_core.audio_convert import AudioConvert

_SLACK_FRAMES = 6
"""Frames of a short file that weigh: delay, padding, a bit reservoir, codebooks in the first packets."""

_HEADER_BITS = 8 * 8192


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
    facts = convert.format.facts(sample_rate)
    if convert.ab is None or facts.lossless:
        most = facts.highest_bitrate(sample_rate, channels)
        why = "lossless" if facts.lossless else f"aq={convert.aq}" if convert.aq is not None else "no ab given"
        return BitrateRange(0, most, _HEADER_BITS, f"at most {most} bit/s ({why})")
    wanted = facts.nearest_bitrate(convert.ab, sample_rate, channels)
    lowest = highest = wanted
    said = f"ab={convert.ab}"
    if convert.abopt == 1 and source_bitrate < convert.ab:
        lowest = min(facts.nearest_bitrate(source_bitrate * 3 // 4, sample_rate, channels), wanted)
        highest = min(facts.nearest_bitrate(source_bitrate * 5 // 4, sample_rate, channels), wanted)
        said = f"ab={convert.ab}, abopt=1, the source has {source_bitrate}"
    has_steps = bool(facts.bitrate_steps(sample_rate))
    low = int(lowest * (1 - facts.bitrate_tolerance)) if has_steps else 0
    high = int(highest * (1 + facts.bitrate_tolerance))
    slack = _SLACK_FRAMES * facts.frame_samples * highest // sample_rate + (0 if has_steps else _HEADER_BITS)
    reach = f"{low} to {high}" if low else f"at most {high}"
    return BitrateRange(low, high, slack, f"{reach} bit/s ({said})")
