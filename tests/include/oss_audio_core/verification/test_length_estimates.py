"""The estimates that packets give, on files whose lengths are known, and their form in the catalogue."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from oss_audio_core.audio_convert.containers.mp3_header import read_mp3_header
from oss_audio_core.verification import Probe, inspect, probe
from oss_audio_core.verification.length_estimates import LengthEstimates

MakeAudio = Callable[..., Path]


def estimates(source: Path | BytesIO) -> LengthEstimates:
    lengths = probe(source).lengths
    assert lengths is not None
    return lengths


def test_they_survive_the_catalogue(make_audio: MakeAudio) -> None:
    found = probe(make_audio("a.mp3"))
    assert found.lengths is not None
    assert Probe.from_json(json.loads(json.dumps(found.to_json()))) == found


def test_a_probe_of_an_earlier_version_has_none(make_audio: MakeAudio) -> None:
    stored = probe(make_audio("a.mp3")).to_json()
    del stored["lengths"]
    read = Probe.from_json(stored)
    assert read.lengths is None
    assert read.to_json() == stored


def test_those_of_a_plain_file_agree(make_audio: MakeAudio) -> None:
    found = estimates(make_audio("a.flac", seconds=3))
    assert (found.timestamps, found.packets, found.header) == (3.0, 3.0, 3.0)
    assert (found.delay, found.padding, found.restarts, found.gaps) == (0, 0, 0, 0)


def test_delay_and_padding_are_counted_apart(make_audio: MakeAudio) -> None:
    found = estimates(make_audio("a.mp3", seconds=2))
    assert (found.timestamps, found.packets) == pytest.approx((2.0, 2.0))
    assert found.delay * 44100 == pytest.approx(1105)
    assert round((found.delay + found.padding + 2.0) * 44100) % 1152 == 0


@pytest.mark.parametrize("rate", [8000, 24000, 44100])
@pytest.mark.parametrize("padding", [530, 575, 576, 577, 1151, 1152, 1153, 1700])
def test_padding_over_two_frames_is_left_out_whole(rate: int, padding: int, make_audio: MakeAudio) -> None:
    made = make_audio("a.mp3", "-ac", "1", rate=rate, seconds=1)
    data = bytearray(made.read_bytes())
    header = read_mp3_header(bytes(data))
    assert header is not None
    at = data.index(b"Lav", header.at) + 21
    declared = (data[at + 1] & 0xF) << 8 | data[at + 2]
    data[at + 1 : at + 3] = ((data[at + 1] & 0xF0) << 8 | padding).to_bytes(2, "big")
    found = estimates(BytesIO(bytes(data)))
    assert found.timestamps * rate == pytest.approx(header.samples + declared - padding, abs=0.01)
    assert found.packets == pytest.approx(found.timestamps)
    assert inspect(BytesIO(bytes(data))).samples == header.samples + declared - padding


def test_timestamps_that_start_anew_are_seen_and_not_believed(make_audio: MakeAudio) -> None:
    first, second = (
        make_audio("a.opus", "-c:a", "libopus", seconds=seconds, rate=48000).read_bytes() for seconds in (4, 3)
    )
    found = probe(BytesIO(first + second))
    assert found.lengths is not None
    assert found.lengths.restarts == 1
    assert found.lengths.packets == pytest.approx(7.0)
    assert found.duration == pytest.approx(7.0)


@pytest.mark.parametrize(("offset", "gaps", "restarts"), [(9, 5, 0), (900, 0, 1)])
def test_a_pause_is_distinguished_from_another_clock(
    offset: int, gaps: int, restarts: int, make_audio: MakeAudio
) -> None:
    first = make_audio("a.ts", "-c:a", "mp2", seconds=4).read_bytes()
    second = make_audio("b.ts", "-c:a", "mp2", "-output_ts_offset", str(offset), seconds=4).read_bytes()
    found = estimates(BytesIO(first + second))
    assert found.gaps == pytest.approx(gaps, abs=0.05)
    assert found.restarts == restarts
    assert found.packets == pytest.approx(8.0, abs=0.06)
