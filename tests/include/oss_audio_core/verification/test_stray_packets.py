"""What is no audio, behind and between the frames of an mp3 and in ADTS: passed over, or an error."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from oss_audio_core.verification import inspect, probe

MakeAudio = Callable[..., Path]

ID3V1 = b"TAG" + b"Title".ljust(125, b"\0")
LYRICS3 = b"LYRICSBEGIN" + b"IND0000200" + b"LYR00020" + b"[00:01]hello world.." + b"000049LYRICS200"
APE_ITEM = b"\x05\0\0\0\0\0\0\0Title\0hello"
APE = b"".join(
    b"APETAGEX" + bytes((0xD0, 7, 0, 0, len(APE_ITEM) + 32, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, place)) + bytes(8) + content
    for place, content in ((0xA0, APE_ITEM), (0x80, b""))
)

BEHIND = {
    "a byte": b"x",
    "a line's end": b"\r\n",
    "zeros": bytes(1000),
    "ID3v1": ID3V1,
    "Lyrics3": LYRICS3 + ID3V1,
    "APE": APE,
    "APE and ID3v1": APE + ID3V1,
    "words": b"downloaded from somewhere " * 40,
}


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
@pytest.mark.parametrize("xing", ["0", "1"])
def test_what_is_behind_the_last_frame_is_no_frame(behind: bytes, xing: str, make_audio: MakeAudio) -> None:
    plain = make_audio("a.mp3", "-write_xing", xing, seconds=2).read_bytes()
    without, found = inspect(BytesIO(plain)), inspect(BytesIO(plain + behind))
    assert found.decode_error is None
    assert (found.samples, found.probe.packets) == (without.samples, without.probe.packets)
    assert found.probe.duration == without.probe.duration == probe(BytesIO(plain + behind)).duration


def test_a_cluster_of_zeros_is_no_frame(make_audio: MakeAudio) -> None:
    plain = make_audio("a.mp3", "-write_xing", "0", seconds=2).read_bytes()
    assert inspect(BytesIO(plain + bytes(32_768))).samples == inspect(BytesIO(plain)).samples


@pytest.mark.parametrize("behind", [bytes(200_000), b"no audio" * 20_000])
def test_much_that_is_no_audio_was_audio(behind: bytes, make_audio: MakeAudio) -> None:
    plain = make_audio("a.mp3", "-write_xing", "0", seconds=2).read_bytes()
    found = inspect(BytesIO(plain + behind))
    assert found.decode_error is not None
    assert f"the last {len(behind)} bytes are no audio" in found.decode_error


def test_bytes_in_the_middle_are_damage(make_audio: MakeAudio) -> None:
    plain = bytearray(make_audio("a.mp3", "-b:a", "128k", seconds=2).read_bytes())
    half = len(plain) // 2
    plain[half : half + 3000] = bytes(3000)
    assert inspect(BytesIO(bytes(plain))).decode_error is not None


def test_a_tag_in_the_middle_is_that_of_a_joined_file(make_audio: MakeAudio) -> None:
    plain = make_audio("a.mp3", "-metadata", "title=One", seconds=2).read_bytes()
    found = inspect(BytesIO(plain * 3))
    assert found.decode_error is None
    assert found.duration == pytest.approx(6, abs=0.2)


def test_an_adts_header_without_a_frame_is_no_frame(make_audio: MakeAudio) -> None:
    plain = make_audio("a.aac", seconds=2).read_bytes()
    empty = plain[:3] + bytes((plain[3] & 0xFC, 0, 0xFF, 0xFC))
    without, found = inspect(BytesIO(plain)), inspect(BytesIO(empty + plain))
    assert found.decode_error is None
    assert (found.samples, found.probe.packets) == (without.samples, without.probe.packets)
