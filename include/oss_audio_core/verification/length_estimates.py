"""What the packets of a stream say about its length, estimate by estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from oss_audio_core.verification.stored_fields import known_fields


@dataclass(frozen=True, kw_only=True)
class LengthEstimates:
    """Estimates of one stream's length in seconds, by origin, and what lies between them.

    No single one is the truth: timestamps may start anew in the middle of a file, durations of packets are rounded to
    the container's clock, headers are left over from another file, and decoders differ in what they do with the
    encoder's delay. Which of them is credible is decided in `credible_lengths`.

    Attributes:
        timestamps: from the first packet's time to the last one's end, without what is to be trimmed.
        packets: the sum of the packets' durations, without what is to be trimmed; None: some have no duration, or the
            container's clock is too coarse for a sum.
        header: what the container's header gives, as FFmpeg reads it; None: it gives none, or FFmpeg would guess.
        delay: the encoder's delay, as far as the packets mark it.
        padding: what the encoder added at the end, likewise.
        longest_packet: the longest packet.
        restarts: how often the timestamps start anew: backwards, or further ahead than a pause lasts.
        gaps: the sum of the pauses without packets.
    """

    timestamps: float
    packets: float | None
    header: float | None
    delay: float
    padding: float
    longest_packet: float
    restarts: int
    gaps: float

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """What was stored as JSON."""
        return cls(**known_fields(cls, stored))
