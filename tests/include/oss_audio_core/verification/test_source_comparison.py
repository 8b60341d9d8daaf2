"""The sound of a rendition beside its source's: gaps, lost channels, clipping, and what only looks so."""

from __future__ import annotations

import io
import struct
from typing import Any

import av
import numpy as np
import pytest

from oss_audio_core.audio_convert import AudioConvert
from oss_audio_core.verification import Check, Inspection, inspect, probe, verify
from tests.include.oss_audio_core.verification.tones import Signal, sine, wav

RATE = 48000


def judge(name: str, source: Signal, rendition: Signal, **asked: Any) -> Check:
    """One check of a rendition, flac in all but the container."""
    verdict = verify(AudioConvert(f="flac", **asked), inspect(wav(source)), inspect(wav(rendition)))
    return verdict[name]


def two(seconds: float = 8, left: float = -12, right: float = -12) -> Signal:
    return np.concatenate((sine(seconds, left), sine(seconds, right, frequency=700)))


def with_gap(signal: Signal, begin: float, end: float) -> Signal:
    gapped = signal.copy()
    gapped[:, round(begin * RATE) : round(end * RATE)] = 0
    return gapped


def test_the_same_sound_passes_everything() -> None:
    found = inspect(wav(two()))
    for name in ("silence", "clipping", "channels_alive", "decode"):
        assert verify(AudioConvert(f="flac"), found, found)[name].passed


@pytest.mark.parametrize(("begin", "end"), [(0, 8), (0, 1.2), (3.1, 4.5), (6.7, 8)])
def test_a_gap_where_the_source_has_sound_is_found(begin: float, end: float) -> None:
    check = judge("silence", two(), with_gap(two(), begin, end))
    assert check.failed
    assert "where the source reaches -12 dBFS" in check.measured


@pytest.mark.parametrize(("begin", "end"), [(0, 8), (2, 5)])
def test_a_gap_that_the_source_has_too_is_right(begin: float, end: float) -> None:
    gapped = with_gap(two(), begin, end)
    assert judge("silence", gapped, gapped).passed
    # A codec may move it a little.
    assert judge("silence", gapped, np.roll(gapped, round(0.05 * RATE), axis=1)).passed


def test_a_part_of_the_source_is_compared_with_that_part() -> None:
    source = with_gap(two(), 4, 8)
    quiet, loud = source[:, 4 * RATE :], source[:, : 4 * RATE]
    assert judge("silence", source, quiet, ss=4000).passed
    assert judge("silence", source, loud, t=4000).passed
    assert judge("silence", source, quiet, t=4000).failed


def test_what_is_nearly_silent_in_the_source_may_go_under() -> None:
    assert judge("silence", two(8, -50, -50), np.zeros((2, 8 * RATE))).passed


@pytest.mark.parametrize("lost", [0, 1])
def test_a_lost_channel_is_found(lost: int) -> None:
    rendition = two()
    rendition[lost] = 0
    check = judge("channels_alive", two(), rendition)
    assert check.failed
    assert f"channel {lost + 1} silent" in check.measured


def test_a_lost_channel_is_found_whatever_leaks_into_it() -> None:
    rendition = two()
    rendition[1] = 0
    rendition[1, 1000] = 10 ** (-50 / 20)  # a click of the other one's, as joint stereo lets through at onsets
    assert judge("channels_alive", two(), rendition).failed


def test_a_channel_that_is_empty_in_the_source_stays_empty() -> None:
    source = two()
    source[1] = 0
    assert judge("channels_alive", source, source).passed


def test_a_channel_that_may_be_silent_in_this_part_is_left_open() -> None:
    source = two()
    source[1, : 4 * RATE] = 0
    part = source[:, : 4 * RATE]
    assert judge("channels_alive", source, part, t=4000).verdict == "not_checked"


def surround(*filled: int) -> Signal:
    """5.1 with sound in these channels (FL FR FC LFE BL BR)."""
    signal = np.zeros((6, 2 * RATE))
    for channel in filled:
        signal[channel] = sine(2, -12)[0]
    return signal


@pytest.mark.parametrize(
    ("filled", "left", "right", "right_so"),
    [
        ((0, 1, 2), True, True, True),
        ((2,), True, True, True),
        ((2,), True, False, False),
        ((0, 4), True, False, True),
        ((0, 5), True, False, False),
        ((3,), False, False, True),
    ],
)
def test_a_downmix_fills_the_sides_that_are_fed(
    filled: tuple[int, ...], left: bool, right: bool, right_so: bool
) -> None:
    mixed = np.concatenate([sine(2, -14) * on for on in (left, right)])
    assert judge("channels_alive", surround(*filled), mixed, ac=2).passed is right_so


@pytest.mark.parametrize(
    ("source", "rendition", "right_so"),
    [
        (sine(2, -12), np.repeat(sine(2, -12), 2, axis=0), True),
        (sine(2, -12), np.concatenate((sine(2, -12), np.zeros((1, 2 * RATE)))), False),
        (sine(2, -12), surround(2), True),
        (sine(2, -12), surround(0), False),
        (two(2), surround(0, 1), True),
        (two(2), surround(0), False),
        (surround(0, 1, 2, 3, 4, 5), surround(0, 1, 2, 4, 5), True),
        (surround(0, 1, 2, 3, 4, 5), surround(0, 1, 2, 3, 4), False),
        (two(2), sine(2, -12), True),
    ],
)
def test_every_change_of_channels(source: Signal, rendition: Signal, right_so: bool) -> None:
    assert judge("channels_alive", source, rendition, ac=rendition.shape[0]).passed is right_so


@pytest.mark.parametrize(("level", "gain"), [(-8, 14), (-1, 8), (-0.1, 6)])
def test_clipping_by_gain_is_found(level: float, gain: float) -> None:
    louder = np.clip(two(8, level, level) * 10 ** (gain / 20), -1, 1)
    check = judge("clipping", two(8, level, level), louder)
    assert check.failed
    assert "clipped runs" in check.measured


def test_clipping_that_the_source_has_is_right() -> None:
    clipped = np.clip(two(8, 6, 6), -1, 1)
    assert judge("clipping", clipped, clipped).passed


def test_the_overshoot_of_a_codec_at_full_scale_is_right() -> None:
    assert judge("clipping", two(8, -0.1, -0.1), two(8, 0.3, 0.3)).passed


def test_clipping_in_a_part_that_may_be_the_loudest_is_left_open() -> None:
    source = np.concatenate((two(4, -0.1, -0.1), two(4, -40, -40)), axis=1)
    clipped = np.clip(two(4, 6, 6), -1, 1)
    assert judge("clipping", source, clipped, t=4000).verdict == "not_checked"


def encoded(signal: Signal, rate: int, f: str) -> io.BytesIO:
    """A file of `f`, by PyAV."""
    target = io.BytesIO()
    with av.open(target, "w", format=f) as container:
        stream = container.add_stream(f, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray((signal * 32767).astype(np.int16), format="s16", layout="mono")
        frame.sample_rate = rate
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    target.seek(0)
    return target


def float_wav(signal: Signal) -> io.BytesIO:
    """A wav file of floats, which go beyond full scale where the signal does."""
    data = np.ascontiguousarray(signal.T, dtype="<f4").tobytes()
    count, kind = signal.shape[0], 3
    fmt = struct.pack("<HHIIHH", kind, count, RATE, RATE * 4 * count, 4 * count, 32)
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", len(data)) + data
    return io.BytesIO(b"RIFF" + struct.pack("<I", len(body)) + body)


@pytest.mark.parametrize("over", [3, 18])
def test_floats_beyond_full_scale_are_not_clipped_before_they_are_converted(over: float) -> None:
    source = inspect(float_wav(two(4, over, over)))
    assert (source.clipped_samples < 100, round(source.sample_peak)) == (True, over)
    check = verify(AudioConvert(f="flac"), source, inspect(wav(two(4, over, over))))["clipping"]
    assert check.failed
    assert f"Lower the source by {source.sample_peak:.1f} dB" in check.measured
    lowered = inspect(float_wav(two(4, -0.5, -0.5)))
    assert verify(AudioConvert(f="flac"), lowered, inspect(wav(two(4, -0.5, -0.5))))["clipping"].passed


def test_floats_that_were_clipped_before_are_the_sources() -> None:
    clipped = np.clip(two(4, 12, 12), -1, 1)
    source = inspect(float_wav(clipped))
    assert source.clipped_share > 0.5
    assert verify(AudioConvert(f="flac"), source, inspect(wav(clipped)))["clipping"].passed


def test_low_frequency_effects_alone_are_no_sound_of_a_downmix() -> None:
    source = surround(0, 1, 2, 3)
    source[[0, 1, 2, 4, 5], RATE // 2 :] = 0
    stereo = two(2)
    stereo[:, RATE // 2 :] = 0
    assert judge("silence", source, stereo, ac=2).passed
    # Another channel's passage is missed.
    source[4, RATE // 2 :] = sine(1.5, -12)[0]
    assert judge("silence", source, stereo, ac=2).failed


@pytest.mark.parametrize(
    ("frequency", "ar", "verdict"), [(10000, 8000, "not_checked"), (10000, 48000, "failed"), (1000, 8000, "failed")]
)
def test_what_the_format_cannot_hold_may_be_silent(frequency: float, ar: int, verdict: str) -> None:
    # With a fade: an abrupt beginning is heard at all frequencies.
    high = sine(6, -12, frequency=frequency) * np.hanning(6 * RATE)
    silent = np.zeros((1, 6 * ar))
    made = verify(AudioConvert(f="flac", ar=ar), inspect(wav(high)), inspect(encoded(silent, ar, "flac")))
    assert made["silence"].verdict == verdict
    assert made["channels_alive"].verdict == verdict


def test_opposite_channels_that_cancel_one_another_need_a_decision() -> None:
    voice = sine(4, -12)
    assert judge("silence", np.concatenate((voice, -voice)), np.zeros((1, 4 * RATE)), ac=1).failed


def test_without_the_sources_sound_it_is_not_compared() -> None:
    file = wav(two())
    source = probe(file)
    verdict = verify(AudioConvert(f="flac"), source, inspect(wav(two())))
    for name in ("silence", "clipping", "channels_alive"):
        assert verdict[name].verdict == "not_checked"
        assert verdict[name].measured == "the source was not decoded"
    assert verdict["decode"].passed
    assert isinstance(inspect(wav(two())), Inspection)
