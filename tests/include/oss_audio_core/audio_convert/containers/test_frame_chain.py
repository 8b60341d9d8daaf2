"""Lengths of frames by their headers, and whether a stream ends with a whole one."""

from __future__ import annotations

import pytest

from oss_audio_core.audio_convert.containers.frame_chain import (
    Chain,
    FrameLength,
    ac3_length,
    ac3_mean_length,
    adts_length,
    amr_nb_length,
    amr_wb_length,
    follow,
)

ADTS = b"\xff\xf1\x50\x80\x02\x1f\xfc" + bytes(9)  # 16 bytes
AC3 = b"\x0b\x77\0\0\x14" + bytes(763)  # 48 kHz, 192 kbit/s
AC3_AT_44 = b"\x0b\x77\0\0\x54" + bytes(829)
AMR_NB = b"\x3c" + bytes(31)
AMR_WB = b"\x44" + bytes(60)


@pytest.mark.parametrize(
    ("frame", "length"),
    [(ADTS, adts_length), (AC3, ac3_length), (AC3_AT_44, ac3_length), (AMR_NB, amr_nb_length), (AMR_WB, amr_wb_length)],
)
def test_the_header_tells_the_frames_length(frame: bytes, length: FrameLength) -> None:
    assert length(frame, 0) == len(frame)
    assert length(b"\xff" * 7, 0) == 0


@pytest.mark.parametrize(
    ("frame", "length"), [(ADTS, adts_length), (AC3, ac3_length), (AMR_NB, amr_nb_length), (AMR_WB, amr_wb_length)]
)
def test_a_cut_frame_is_no_whole_end(frame: bytes, length: FrameLength) -> None:
    assert follow(frame * 5, length, len(frame)) == Chain(5, 5 * len(frame), whole=True)
    assert follow(frame * 5 + frame[:-8], length, len(frame)) == Chain(6, 6 * len(frame) - 8, whole=False)
    assert follow(frame * 5 + frame[:3], length, len(frame)) is not None
    assert follow(b"\x80" * 200, length, 100) is None


def test_a_chain_may_begin_within_a_frame() -> None:
    assert follow(AC3[100:] + AC3 * 3, ac3_length, len(AC3)) == Chain(3, 3 * len(AC3), whole=True)


def test_the_mean_length_counts_the_padding_of_odd_rates() -> None:
    assert ac3_mean_length(AC3, 0) == 768
    assert ac3_mean_length(AC3_AT_44, 0) == pytest.approx(192_000 / 8 * 1536 / 44_100)
    assert ac3_mean_length(b"\0" * 8, 0) == 0
