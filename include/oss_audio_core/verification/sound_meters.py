"""What is measured of every sound: levels, outline and bandwidth, block by block."""

from __future__ import annotations

from collections.abc import Sequence

from oss_audio_core.verification.bandwidth import BandwidthMeter
from oss_audio_core.verification.levels import Block, Levels, level_window
from oss_audio_core.verification.sound_outline import OutlineMeter


class SoundMeters:
    """Takes blocks of shape (channels, samples), each but the last a multiple of `level_window` samples."""

    def __init__(self, channel_names: Sequence[str], sample_rate: int, *, has_headroom: bool) -> None:
        self.levels = Levels(channel_names, sample_rate, has_headroom=has_headroom)
        self.outline = OutlineMeter(channel_names, sample_rate, level_window(sample_rate))
        self.bandwidth = BandwidthMeter(channel_names, sample_rate)

    def add(self, block: Block) -> None:
        """Take in the next block."""
        self.levels.add(block)
        self.outline.add(block)
        self.bandwidth.add(block)

    def finish(self) -> None:
        """The end of the audio."""
        self.levels.finish()
        self.outline.finish()
