"""What one pass over a file measures, on signals whose numbers are known."""

from __future__ import annotations

import io
import json
import math
import struct
import tracemalloc
import wave
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.audio_convert import AudioConvert
from oss_audio_core.verification import Inspection, Limits, UnreadableAudio, decode_limits, inspect, probe
from oss_audio_core.verification.downsampling import BoundedTimeline
from oss_audio_core.verification.levels import Levels
from tests.include.oss_audio_core.verification.tones import sine, stereo, wav

MakeAudio = Callable[..., Path]


def test_a_tone_has_its_levels() -> None:
    signal = np.concatenate((sine(4, -6), sine(4, -12)))
    found = inspect(wav(signal))
    assert (found.samples, found.sample_rate, found.duration) == (4 * 48000, 48000, 4.0)
    assert (found.layout, found.channel_names) == ("stereo", ("FL", "FR"))
    assert found.peaks == pytest.approx((-6, -12), abs=0.01)
    assert found.rms == pytest.approx((-9.01, -15.01), abs=0.01)
    assert found.sample_peak == found.peaks[0]
    assert found.true_peak == pytest.approx(-6, abs=0.05)
    assert (found.clipped_runs, found.decode_error, found.stopped) == (0, None, None)


@pytest.mark.parametrize(("head", "tail"), [(0, 0), (0.5, 0), (0, 1.25), (1.0003, 0.777), (3, 2)])
def test_silence_at_head_and_tail_to_the_sample(head: float, tail: float) -> None:
    middle = np.full((2, 24000), 0.5)
    before, after = (np.full((2, round(seconds * 48000)), 0.0005) for seconds in (head, tail))
    found = inspect(wav(np.concatenate((before, middle, after), axis=1)))
    assert found.silence_head == pytest.approx(round(head * 48000) / 48000, abs=1e-9)
    assert found.silence_tail == pytest.approx(round(tail * 48000) / 48000, abs=1e-9)


def test_silence_all_through() -> None:
    found = inspect(wav(np.zeros((1, 48000))))
    assert (found.silence_head, found.silence_tail) == (1.0, 1.0)
    assert (found.integrated, found.loudness_range, found.true_peak) == (None, None, None)
    assert (found.peaks, set(found.levels)) == ((-120.0,), {-120})


@pytest.mark.parametrize("at", [100, 67_000, 70_000, 135_169])
@pytest.mark.parametrize(("length", "runs"), [(1, 0), (2, 0), (3, 1), (5000, 1)])
def test_clipped_runs_are_counted_also_over_the_edges_of_blocks(at: int, length: int, runs: int) -> None:
    signal = np.full((2, 160_000), 0.1)
    signal[1, at : at + length] = -1.0
    found = inspect(wav(signal), loudness=False, true_peak=False)
    assert (found.clipped_runs, found.clipped_samples) == (runs, length * runs)


@given(st.data())
def test_levels_do_not_depend_on_how_the_audio_is_cut(data: st.DataObject) -> None:
    levels = [Levels(["FC"], 1000) for _ in range(2)]
    count = data.draw(st.integers(1, 3000))
    samples = np.random.default_rng(count).choice([0.0, 0.5, 1.0, -1.0], (1, count)).astype(np.float32)
    levels[0].add(samples)
    at = 0
    while at < count:
        size = 256 * data.draw(st.integers(1, 5))
        levels[1].add(samples[:, at : at + size])
        at += size
    for one in levels:
        one.finish()
    first, second = ((one.peaks, one.silence, one.clipped_runs, one.clipped_samples, one.line()) for one in levels)
    assert first == second
    assert levels[0].waveform() == levels[1].waveform()
    clipped = "".join("x" if abs(sample) == 1 else " " for sample in samples[0]).split()
    assert levels[0].clipped_samples == sum(len(run) for run in clipped if len(run) >= 3)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=200), st.integers(1, 7))
def test_a_full_line_merges_neighbours_and_loses_no_peak(values: list[int], each: int) -> None:
    line = BoundedTimeline(1, 8, np.maximum)
    for at in range(0, len(values), each):
        line.add(np.array([values[at : at + each]]))
    columns = line.columns()[0].tolist()
    assert columns == [max(values[at : at + line.step]) for at in range(0, len(values), line.step)]
    assert len(columns) <= 9


def test_the_waveform_is_what_players_read() -> None:
    signal = np.concatenate((np.full((1, 48000), 0.5), np.full((1, 48000), -0.25)), axis=1)
    drawn = inspect(wav(signal)).waveform
    assert drawn is not None
    data = drawn.pop("data")
    assert drawn == {
        "version": 2,
        "channels": 1,
        "sample_rate": 48000,
        "samples_per_pixel": 256,
        "bits": 8,
        "length": 375,
    }
    assert len(data) == 750
    assert (data[:2], data[-2:]) == ([64, 64], [-32, -32])
    assert all(-128 <= value <= 127 for value in data)


def test_a_long_file_takes_no_more_columns_or_memory_than_a_short_one(make_audio: MakeAudio) -> None:
    path = make_audio("long.flac", "-c:a", "flac", seconds=1500, rate=8000, channels=1)
    tracemalloc.start()
    found = inspect(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.duration == 1500
    assert len(found.levels) <= 1025
    assert found.waveform is not None
    assert found.waveform["length"] <= 2049
    # All of its floats would be 48 MB.
    assert peak < 20 << 20


def picture_of(png: bytes) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Rows of indices, from the bytes of the file."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack_from(">II", png, 16)
    at = png.index(b"IDAT")
    (size,) = struct.unpack_from(">I", png, at - 4)
    rows = np.frombuffer(zlib.decompress(png[at + 4 : at + 4 + size]), np.uint8)
    return rows.reshape(height, width + 1)[:, 1:]


def test_a_waveform_as_a_picture() -> None:
    signal = np.concatenate((np.zeros((1, 24000)), sine(0.5, 0)), axis=1)
    drawn = picture_of(inspect(wav(signal), picture="waveform").picture or b"")
    assert drawn.shape == (256, 1200)
    assert drawn[:, :590].sum() == 590
    assert drawn[4:-4, 610:].all()


@pytest.mark.parametrize("frequency", [1500, 12000, 21000])
def test_a_tone_is_a_line_in_the_spectrogram(frequency: int) -> None:
    drawn = picture_of(inspect(wav(sine(2, -6, frequency=frequency)), picture="spectrogram").picture or b"")
    assert drawn.shape == (512, 1200)
    brightest = int(drawn[:, 600].argmax())
    assert (512 - brightest) * 24000 / 512 == pytest.approx(frequency, abs=60)


@pytest.mark.parametrize("picture", ["waveform", "spectrogram"])
def test_pictures_are_read_by_another_program(picture: str, tmp_path: Path, ffmpeg: str) -> None:
    import subprocess

    path = tmp_path / "a.png"
    path.write_bytes(inspect(wav(sine(1, -6)), picture=picture).picture or b"")
    told = subprocess.run(
        [Path(ffmpeg).with_name("ffprobe"), "-v", "error", "-show_entries", "stream=codec_name,width", path],
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "codec_name=png\nwidth=1200" in told.stdout


def test_an_inspection_survives_the_catalogue() -> None:
    found = inspect(wav(stereo([(1, -20)])), picture="waveform")
    stored = json.loads(json.dumps(found.to_json()))
    assert Inspection.from_json(stored) == replace(found, waveform=None, picture=None)


def test_what_was_not_asked_for_is_not_measured() -> None:
    found = inspect(wav(stereo([(1, -20)])), loudness=False, true_peak=False, waveform=False)
    assert (found.integrated, found.true_peak, found.waveform, found.picture) == (None, None, None, None)
    only = inspect(wav(stereo([(1, -20)])), loudness=False)
    assert only.integrated is None
    assert only.true_peak == pytest.approx(-20, abs=0.1)


def test_a_bomb_ends_at_what_was_expected(make_audio: MakeAudio) -> None:
    bomb = make_audio("bomb.opus", "-c:a", "libopus", "-b:a", "6000", seconds=120, rate=8000, channels=1)
    source = probe(make_audio("short.wav", seconds=2, rate=8000, channels=1))
    limits = decode_limits(AudioConvert(f="opus"), source)
    found = inspect(bomb, limits=limits)
    assert found.stopped == f"more than {limits.seconds:.1f} s of audio"
    assert found.duration <= limits.seconds < 15


def test_the_clock_ends_it_too(make_audio: MakeAudio) -> None:
    found = inspect(make_audio("a.mp3", seconds=5), limits=Limits(wall_seconds=0))
    assert found.stopped == "more than 0 s by the clock"
    assert found.duration < 5


def test_a_rate_that_changes_within_the_file_is_an_error(make_audio: MakeAudio) -> None:
    first = make_audio("a.mp3", "-write_xing", "0", rate=44100).read_bytes()
    second = make_audio("b.mp3", "-write_xing", "0", "-id3v2_version", "0", rate=48000).read_bytes()
    found = inspect(io.BytesIO(first + second))
    assert found.decode_error is not None
    # FFmpeg's demuxer looks ahead, so which of the two it takes for the file's is its affair.
    assert "48000 Hz stereo" in found.decode_error
    assert "44100 Hz stereo" in found.decode_error


def test_floats_that_are_no_numbers_leave_numbers(make_audio: MakeAudio) -> None:
    path = make_audio("a.wav", "-c:a", "pcm_f32le", seconds=0.5)
    data = bytearray(path.read_bytes())
    at = data.index(b"data") + 8
    data[at + 4000 : at + 4012] = struct.pack("<3f", math.nan, math.inf, -math.inf)
    found = inspect(io.BytesIO(bytes(data)))
    assert all(math.isfinite(level) for level in (*found.peaks, *found.rms, *found.levels))


@pytest.mark.parametrize("width", [1, 2, 3])
def test_every_width_of_pcm_has_the_same_full_scale(width: int, make_audio: MakeAudio) -> None:
    target = io.BytesIO()
    with wave.open(target, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(width)
        out.setframerate(8000)
        half = (64).to_bytes(1, "little") if width == 1 else (1 << 8 * width - 2).to_bytes(width, "little")
        out.writeframes(half * 8000)
    target.seek(0)
    assert inspect(target).sample_peak == pytest.approx(20 * math.log10(0.5), abs=0.01)


def test_what_is_no_audio_is_unreadable() -> None:
    with pytest.raises(UnreadableAudio, match="empty"):
        inspect(io.BytesIO(b""), "oss://music/a.mp3")
