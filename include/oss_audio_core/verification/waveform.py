"""Waveform peaks for players and for the page: the data format of audiowaveform, which Peaks.js and others read."""

from __future__ import annotations

from typing import Any

from oss_audio_core.verification.levels import Levels


def waveform_json(levels: Levels, sample_rate: int) -> dict[str, Any]:
    """Version 2 of audiowaveform's JSON: one channel, the envelope of all, 8 bits.

    `data` is lowest and highest sample of each pixel, one after the other (-128 to 127); `samples_per_pixel` is
    256 for a short clip and doubles with the duration, so that there are at most 2,048 pixels.
    """
    samples_per_pixel, data = levels.waveform()
    return {
        "version": 2,
        "channels": 1,
        "sample_rate": sample_rate,
        "samples_per_pixel": samples_per_pixel,
        "bits": 8,
        "length": len(data) // 2,
        "data": data,
    }
