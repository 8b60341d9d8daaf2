"""The one rule of what a header declares: by container, whole and cut, promised and left open."""

from __future__ import annotations

import os
import struct
import tracemalloc
from io import BytesIO
from pathlib import Path

import pytest

from oss_audio_core.audio_convert.containers.declared_length import (
    PROMISES,
    DemuxerLengths,
    counted_seconds,
    declared_seconds,
)

LENGTHS = DemuxerLengths(stream=3.0, file=4.0, begins=0.5)


def wav(declared: int, data: int = 2000) -> BytesIO:
    return BytesIO(b"RIFF" + bytes(4) + b"WAVE" + b"data" + struct.pack("<I", declared) + bytes(data))


def test_a_promise_is_measured_by_what_is_there_whatever_the_demuxer_says() -> None:
    assert declared_seconds(wav(2000), "wav", LENGTHS, 1.0) == 1.0
    assert declared_seconds(wav(4000), "wav", LENGTHS, 1.0) == 2.0
    assert declared_seconds(wav(0x7FFFF000), "wav", LENGTHS, 1.0) is None
    assert declared_seconds(wav(4000, data=0), "wav", LENGTHS, 0.0) is None
    assert counted_seconds(wav(4000), "wav", LENGTHS) is None


@pytest.mark.parametrize(
    ("container", "seconds"),
    [
        ("flac", 3.0),
        ("mov,mp4,m4a,3gp,3g2,mj2", 3.0),
        ("wv", 3.0),
        ("ape", 3.0),
        ("matroska,webm", 3.5),
        ("flv", 3.5),
        ("ogg", None),
        ("aac", None),
        ("mpegts", None),
    ],
)
def test_a_count_of_time_is_the_demuxers(container: str, seconds: float | None) -> None:
    assert declared_seconds(BytesIO(b"anything"), container, LENGTHS, 1.0) == seconds
    assert declared_seconds(BytesIO(b"anything"), container, DemuxerLengths(), 1.0) is None


def test_an_mp3_declares_a_length_where_it_counts_its_frames() -> None:
    frame = bytearray(417)
    frame[:4] = b"\xff\xfb\x90\x00"
    assert declared_seconds(BytesIO(frame), "mp3", LENGTHS, 1.0) is None
    frame[36:48] = b"Xing\0\0\0\1\0\0\0\x64"
    assert declared_seconds(BytesIO(frame), "mp3", LENGTHS, 1.0) == 100 * 1152 / 44_100


@pytest.mark.parametrize(
    ("container", "head"),
    [
        ("caf", b"caff\x00\x01\x00\x00" + b"free" + struct.pack(">q", (1 << 63) - 1)),
        ("w64", bytes(40) + b"junk" + bytes(12) + struct.pack("<Q", (1 << 64) - 1)),
        ("aiff", b"FORM" + bytes(4) + b"AIFF" + b"junk" + struct.pack(">I", (1 << 32) - 1)),
        ("wav", b"RF64" + bytes(4) + b"WAVE" + b"ds64" + struct.pack("<I", (1 << 32) - 1)),
        ("wav", b"RIFF" + bytes(4) + b"WAVE" + b"junk" + struct.pack("<I", (1 << 32) - 1)),
    ],
)
def test_a_chunk_that_claims_more_than_there_is_promises_nothing(tmp_path: Path, container: str, head: bytes) -> None:
    source = tmp_path / "source"
    source.write_bytes(head)
    os.truncate(source, 64 << 20)  # sparse: zeros that need no room
    tracemalloc.start()
    try:
        with source.open("rb") as file:
            assert PROMISES[container](file) is None
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
