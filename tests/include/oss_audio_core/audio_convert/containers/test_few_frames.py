"""Files of a few frames: they are audio, and what resembles a frame is none."""

from __future__ import annotations

import random
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.audio_convert.containers.few_frames import few_frames_demuxer, is_all_frames


def frame(header: str, length: int) -> bytes:
    return bytes.fromhex(header).ljust(length, b"\x55")


LAYER_3, LOW_LAYER_3 = frame("fffb9000", 417), frame("fff39000", 261)
LAYER_2, LAYER_1 = frame("fffda000", 626), frame("ffff8400", 256)
ADTS, AC3 = frame("fff15080" + "0d1ffc", 104), frame("0b770000" + "1400", 768)


@pytest.mark.parametrize(
    ("container", "content"),
    [
        ("mp3", LAYER_3),
        ("mp3", LAYER_3 * 3),
        ("mp3", LOW_LAYER_3 * 2),
        ("mp3", LAYER_2 * 2),
        ("mp3", b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + LAYER_3),
        ("mp3", LAYER_3 + b"TAG".ljust(128, b"\0")),
        ("aac", ADTS * 2),
        ("ac3", AC3),
    ],
)
def test_whole_frames_are_audio(container: str, content: bytes) -> None:
    assert is_all_frames(BytesIO(content), container)


@pytest.mark.parametrize(
    ("container", "content"),
    [
        ("mp3", b""),
        ("mp3", LAYER_3[:-1]),
        ("mp3", LAYER_3 + b"text"),
        ("mp3", b"text" + LAYER_3),
        ("mp3", ADTS),
        ("aac", LAYER_3),
        ("wav", LAYER_3),
        ("mp3", LAYER_3 * 400),
    ],
)
def test_anything_else_is_left_to_the_demuxers_own_certainty(container: str, content: bytes) -> None:
    assert not is_all_frames(BytesIO(content), container)


@given(st.integers(0, 1 << 32), st.integers(1, 5000), st.sampled_from(["mp3", "aac", "ac3"]))
def test_noise_is_no_chain_of_frames(seed: int, size: int, container: str) -> None:
    assert not is_all_frames(BytesIO(random.Random(seed).randbytes(size)), container)


@pytest.mark.parametrize(
    ("content", "demuxer"),
    [
        (LAYER_3 * 2, "mp3"),
        (b"ID3\4\0\0\0\0\0\x0a" + bytes(10) + LAYER_3, "mp3"),
        (LAYER_2, "mp3"),
        (ADTS, "aac"),
        (AC3 * 2, "ac3"),
        (AC3[:-1], None),
        (b"RIFF" + LAYER_3, None),
        (b"", None),
    ],
)
def test_frames_name_their_demuxer(content: bytes, demuxer: str | None) -> None:
    assert few_frames_demuxer(BytesIO(content)) == demuxer
