"""No length of a source is refused: renditions of three frames and less, in every format and at every rate.

LENGTH_SCAN=full tries every length instead of those around the edges of frames.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from oss_audio_core.audio_convert import FORMATS
from tests.include.oss_audio_core.verification.length_scan import Scan, refused

FULL = os.environ.get("LENGTH_SCAN") == "full"
RESAMPLED_FROM = 44_100

SCANS = [
    Scan(f, source_rate, rate)
    for f in FORMATS
    for rate in sorted(FORMATS[f].sample_rates)
    for source_rate in sorted({rate, RESAMPLED_FROM})
]


@pytest.mark.parametrize("scan", SCANS, ids=str)
def test_no_length_is_refused(scan: Scan, ffmpeg: str, tmp_path: Path) -> None:
    lengths = scan.every_length if FULL else scan.some_lengths
    assert list(refused(scan, lengths, ffmpeg, tmp_path)) == []
