"""The clips are all different and have the length that was asked for."""

from __future__ import annotations

import hashlib
import io
import wave

from benchmarks.clips import RATE, make_clips


def test_clips_differ_and_last_as_long_as_was_asked() -> None:
    clips = list(make_clips(50, seconds=0.5))
    assert len({hashlib.md5(content, usedforsecurity=False).digest() for _, content in clips}) == 50
    assert len({name for name, _ in clips}) == 50
    with wave.open(io.BytesIO(clips[-1][1])) as clip:
        assert (clip.getnframes(), clip.getframerate(), clip.getnchannels()) == (RATE // 2, RATE, 1)
