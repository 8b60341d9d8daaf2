"""The one reader of Xing, Info and VBRI headers."""

from __future__ import annotations

import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.audio_convert.containers.mp3_header import (
    crc16,
    mp3_length,
    mp3_seconds,
    read_mp3_header,
)

STEREO, MONO = b"\xff\xfb\x90\x00", b"\xff\xfb\x90\xc0"  # MPEG 1, layer III, 128 kbit/s, 44.1 kHz
LOW_STEREO, LOW_MONO = b"\xff\xf3\x90\x00", b"\xff\xf3\x90\xc0"  # MPEG 2, 80 kbit/s, 22.05 kHz


def frame(start: bytes, at: int = 4, tag: bytes = b"") -> bytes:
    whole = bytearray(mp3_length(start, 0))
    whole[:4] = start
    whole[at : at + len(tag)] = tag
    return bytes(whole)


def counts(mark: bytes = b"Xing", flags: int = 3) -> bytes:
    return mark + struct.pack(">III", flags, 100, 41_700)


def id3(body: int, footer: bool = False) -> bytes:
    size = bytes(body >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\4\0" + (b"\x10" if footer else b"\0") + size + bytes(body + (10 if footer else 0))


@pytest.mark.parametrize(
    ("start", "at", "samples"),
    [(STEREO, 36, 1152), (MONO, 21, 1152), (LOW_STEREO, 21, 576), (LOW_MONO, 13, 576)],
)
@pytest.mark.parametrize("mark", [b"Xing", b"Info"])
def test_counts_stand_where_version_and_channels_put_them(start: bytes, at: int, samples: int, mark: bytes) -> None:
    content = frame(start, at, counts(mark))
    header = read_mp3_header(content)
    assert header is not None
    assert (header.at, header.length, header.frames, header.size) == (0, len(content), 100, 41_700)
    assert (header.samples, header.music_crc, header.whole) == (100 * samples, None, None)
    assert mp3_seconds(BytesIO(content)) == 100 * samples / (44_100 if samples == 1152 else 22_050)


def test_a_header_without_a_count_counts_nothing() -> None:
    content = frame(STEREO, 36, b"Xing" + struct.pack(">II", 2, 41_700))
    header = read_mp3_header(content)
    assert header is not None
    assert (header.frames, header.size) == (0, 41_700)
    assert mp3_seconds(BytesIO(content)) is None


def test_vbri_counts_its_frames_and_is_no_xing_header() -> None:
    content = frame(STEREO, 36, b"VBRI" + bytes(10) + struct.pack(">I", 100) + bytes(8))
    assert mp3_seconds(BytesIO(content)) == 100 * 1152 / 44_100
    assert read_mp3_header(content) is None


def test_a_frame_of_audio_is_no_header() -> None:
    assert read_mp3_header(frame(STEREO)) is None
    assert mp3_seconds(BytesIO(frame(STEREO))) is None
    assert mp3_seconds(BytesIO(frame(STEREO) + frame(STEREO, 36, counts()))) is None


@pytest.mark.parametrize("tags", [id3(50), id3(50) + id3(300, footer=True), id3(200_000)])
def test_tags_before_the_first_frame_are_passed_over(tags: bytes) -> None:
    content = tags + frame(STEREO, 36, counts())
    header = read_mp3_header(content)
    assert header is not None
    assert header.at == len(tags)
    assert mp3_seconds(BytesIO(content)) is not None


@pytest.mark.parametrize(("damaged", "whole"), [(False, True), (True, False)])
def test_the_checksum_of_lames_extension(damaged: bool, whole: bool) -> None:
    lame = bytearray(36)
    lame[:9] = b"LAME3.100"
    lame[21:24] = bytes([576 >> 4, (576 & 0xF) << 4 | 1000 >> 8, 1000 & 0xFF])
    lame[32:34] = b"\x12\x34"
    content = bytearray(frame(STEREO, 36, counts(flags=15) + bytes(104) + bytes(lame)))
    content[190:192] = crc16(bytes(content[:190])).to_bytes(2, "big")
    content[60] ^= damaged
    header = read_mp3_header(bytes(content))
    assert header is not None
    assert (header.samples, header.music_crc, header.whole) == (100 * 1152 - 576 - 1000, 0x1234, whole)
    assert mp3_seconds(BytesIO(content)) == header.samples / 44_100


@pytest.mark.parametrize(("size", "fits"), [(41_700, True), (41_828, True), (41_699, False)])
def test_a_file_fits_what_its_header_counts(size: int, fits: bool) -> None:
    header = read_mp3_header(frame(STEREO, 36, counts()))
    assert header is not None
    assert header.fits(size) is fits


@pytest.mark.parametrize(
    ("start", "length"),
    [(STEREO, 417), (LOW_STEREO, 261), (b"\xff\xfb\x92\x00", 418), (b"\xff\xfd\x90\x00", 0), (b"\xff\xfb\xf0\x00", 0)],
)
def test_the_length_of_a_frame_follows_from_its_first_bytes(start: bytes, length: int) -> None:
    assert mp3_length(start, 0) == length


@given(st.binary(max_size=600))
def test_any_bytes_are_read_without_an_error(content: bytes) -> None:
    for whole in (content, b"ID3\4\0\0" + content, STEREO + content):
        read_mp3_header(whole)
        mp3_seconds(BytesIO(whole))
