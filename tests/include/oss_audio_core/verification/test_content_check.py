"""The check `content`: another sound, another time, another order of channels; and codecs at their lowest bitrates."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from oss_audio_core.audio_convert import AudioConvert
from oss_audio_core.verification import Check, inspect, verify
from tests.include.oss_audio_core.verification.damages import ENCODERS
from tests.include.oss_audio_core.verification.tones import Signal, sine, wav

RATE = 32000


def speech(seed: int, seconds: float = 8) -> Signal:
    """Like speech: vowels of changing pitch and formants, hisses, pauses; one channel."""
    chance = np.random.default_rng(seed)
    signal = np.zeros(round(seconds * RATE))
    at = 0
    while at < len(signal):
        count = min(int(chance.uniform(0.06, 0.35) * RATE), len(signal) - at)
        time, pitch = np.arange(count) / RATE, chance.uniform(90, 240)
        formants = chance.uniform(300, 900), chance.uniform(1200, 2600)
        voice = np.zeros(count) if chance.random() < 0.75 else chance.normal(0, 0.3, count)
        for overtone in range(1, 25):
            gain = sum(np.exp(-(((pitch * overtone - formant) / 500) ** 2)) for formant in formants)
            voice += gain * np.sin(2 * np.pi * pitch * overtone * time)
        signal[at : at + count] = voice * np.hanning(count) * chance.uniform(0.2, 0.9)
        at += count + int(chance.choice([0, 0.05, 0.2, 0.6]) * RATE)
    return np.asarray(signal / np.abs(signal).max() * 0.7)[np.newaxis]


def music(seed: int, seconds: float = 8) -> Signal:
    """Like music: chords of plucked strings on a beat, with a hi-hat; two channels."""
    chance = np.random.default_rng(seed)
    signal = np.zeros((2, round(seconds * RATE)))
    notes = 220 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12, 14, 16]) / 12)
    beat = int(RATE * 60 / chance.uniform(80, 150) / 2)
    for at in range(0, signal.shape[1], beat):
        count = min(2 * beat, signal.shape[1] - at)
        time = np.arange(count) / RATE
        for _ in range(3):
            note, fade, side = chance.choice(notes), chance.uniform(2, 8), chance.uniform(0.2, 0.8)
            string = sum(np.sin(2 * np.pi * note * one * time) / one**1.2 for one in range(1, 9))
            signal[:, at : at + count] += np.outer([side, 1 - side], string * np.exp(-time * fade) * 0.15)
        signal[:, at : at + count] += np.diff(chance.normal(0, 0.2, count + 1)) * np.exp(-time * 80)
    return np.asarray(signal / np.abs(signal).max() * 0.9)


def judge(source: Signal, rendition: Signal, **asked: int) -> Check:
    """The check of a rendition, flac in all but the container."""
    wish = AudioConvert(f="flac", **asked)
    return verify(wish, inspect(wav(source, RATE)), inspect(wav(rendition, RATE)))["content"]


HONEST: dict[str, Signal] = {
    "speech": speech(1),
    "music": music(1),
    "noise": np.random.default_rng(1).normal(0, 0.2, (2, 6 * RATE)),
    "a tone": np.repeat(sine(6, -6, frequency=440, rate=RATE), 2, axis=0),
    "a square wave": np.sign(sine(6, -1, frequency=200, rate=RATE)) * 0.9,
    "nearly silence": np.random.default_rng(2).normal(0, 10 ** (-75 / 20), (2, 6 * RATE)),
    "an offset": np.full((2, 6 * RATE), 0.3) + np.repeat(sine(6, -30, frequency=500, rate=RATE), 2, axis=0),
    "clipped music": np.clip(music(2) * 6, -1, 1),
    "quiet speech": speech(3) * 10 ** (-35 / 20),
    "opposite channels": np.concatenate((speech(4), -speech(4))),
    "one of two channels": np.concatenate((speech(5), 0 * speech(5))),
    "a twentieth of a second": music(3, 0.05),
    "half a second": music(4, 0.5),
    "a sweep": np.sin(2 * np.pi * (50 + 1200 * np.arange(6 * RATE) / RATE) * np.arange(6 * RATE) / RATE)[np.newaxis]
    / 2,
    "clicks": np.where(np.arange(6 * RATE) % (RATE // 3) < 2, 0.8, 0.0)[np.newaxis],
    "high noise": np.diff(np.diff(np.diff(np.random.default_rng(3).normal(0, 0.03, (2, 6 * RATE + 3))))),
    "six channels": np.concatenate([speech(6 + number, 6) for number in range(6)]) * 0.4,
}
LOWEST: dict[str, tuple[str, ...]] = {
    "mp3": ("-ar", "8000", "-ac", "1", "-b:a", "8k"),
    "aac": ("-ar", "8000", "-ac", "1", "-b:a", "8k"),
    "flac": ("-ar", "8000", "-ac", "1"),
    "oga": ("-ar", "8000", "-ac", "1", "-q:a", "0"),
    "ac3": ("-ar", "32000", "-ac", "2", "-b:a", "32k"),
    "opus": ("-ar", "8000", "-ac", "2", "-b:a", "6k"),
    "amr": ("-ar", "8000", "-ac", "1", "-b:a", "4750"),
}


LOW_RATES = {"opus": "24k", "ac3": "64k", "amr": "4750"}


@pytest.mark.parametrize("f", LOWEST)
@pytest.mark.parametrize("name", HONEST)
def test_what_a_codec_does_at_its_lowest_bitrate_is_right(name: str, f: str, tmp_path: Path, ffmpeg: str) -> None:
    source, target = tmp_path / "source.wav", tmp_path / "rendition"
    source.write_bytes(wav(HONEST[name], RATE).getvalue())
    shape = LOWEST[f]
    if f in {"ac3", "aac"} and name == "a twentieth of a second":
        shape = ("-ar", "32000", "-ac", "2", "-b:a", "96k")
    command = [ffmpeg, "-nostdin", "-v", "error", "-i", f"file:{source}", *shape, *ENCODERS[f], f"file:{target}"]
    subprocess.run(command, check=True, timeout=60)
    wish = AudioConvert(f=f, ar=int(shape[1]), ac=int(shape[3]))
    measure = {"loudness": False, "true_peak": False}
    check = verify(wish, inspect(source, **measure), inspect(target, **measure))["content"]
    assert not check.failed, check.measured


def steady(kind: str, frequency: float, rate: int) -> Signal:
    """A tone that hardly changes, four seconds."""
    time = np.arange(4 * rate) / rate
    bend = 0.1 * time if kind == "glide" else 0
    swell = 0.7 + 0.3 * np.sin(2 * np.pi * 0.7 * time) if kind == "tremolo" else 1
    return (np.sin(2 * np.pi * frequency * (1 + bend) * time) * swell * 0.25)[np.newaxis]


@pytest.mark.parametrize("f", ["opus", "ac3", "amr"])
@pytest.mark.parametrize("frequency", [159, 415, 805, 1395])
@pytest.mark.parametrize(("kind", "rate"), [("tone", 16000), ("tremolo", 48000), ("glide", 8000)])
def test_a_tone_at_an_edge_of_two_bands_is_right_at_any_rate(
    kind: str, rate: int, frequency: int, f: str, tmp_path: Path, ffmpeg: str
) -> None:
    source, target = tmp_path / "source.wav", tmp_path / "rendition"
    source.write_bytes(wav(steady(kind, frequency, rate), rate).getvalue())
    made_at = "8000" if f == "amr" else "48000"
    command = [ffmpeg, "-nostdin", "-v", "error", "-i", f"file:{source}", "-ar", made_at, "-b:a", LOW_RATES[f]]
    subprocess.run([*command, *ENCODERS[f], f"file:{target}"], check=True, timeout=60)
    measure = {"loudness": False, "true_peak": False}
    wish = AudioConvert(f=f, ar=int(made_at))
    check = verify(wish, inspect(source, **measure), inspect(target, **measure))["content"]
    assert not check.failed, check.measured


@pytest.mark.parametrize("name", ["speech", "music", "clipped music", "one of two channels"])
def test_a_sound_with_structure_is_really_compared(name: str) -> None:
    assert judge(HONEST[name], HONEST[name]).passed


@pytest.mark.parametrize("make", [speech, music])
@pytest.mark.parametrize("other", [21, 22, 23, 24])
def test_another_sound_of_its_kind_and_length_is_found(make: type[speech], other: int) -> None:
    check = judge(make(20), make(other))
    assert check.failed
    assert "dB apart on average" in check.measured


@pytest.mark.parametrize("make", [speech, music])
def test_the_source_backwards_is_found(make: type[speech]) -> None:
    assert judge(make(30), make(30)[:, ::-1]).failed


@pytest.mark.parametrize("late", [0.4, 2.0, -1.0])
def test_a_wrong_offset_is_found_and_named(late: float) -> None:
    check = judge(speech(31), np.roll(speech(31), round(late * RATE), axis=1))
    assert check.failed
    where = float(check.measured.split(";")[1].split()[0])
    assert where == pytest.approx(abs(late), abs=0.07)
    assert ("later" if late > 0 else "earlier") in check.measured


def test_a_part_of_the_source_is_compared_with_that_part() -> None:
    source = speech(32, 12)
    part, another = source[:, 3 * RATE : 9 * RATE], source[:, 4 * RATE : 10 * RATE]
    assert judge(source, part, ss=3000, t=6000).passed
    assert judge(source, another, ss=3000, t=6000).failed


def test_a_passage_twice_is_found() -> None:
    doubled = speech(33, 20)
    doubled[:, 12 * RATE : 16 * RATE] = doubled[:, 4 * RATE : 8 * RATE].copy()
    check = judge(speech(33, 20), doubled)
    assert check.failed
    begin, end = (float(check.measured.split()[at]) for at in (3, 5))
    assert 11 < begin < end < 17


def test_a_passage_of_another_sound_is_found() -> None:
    replaced = speech(34, 20).copy()
    replaced[:, 9 * RATE : 13 * RATE] = speech(99, 4)
    check = judge(speech(34, 20), replaced)
    assert check.failed
    assert check.measured.startswith("another sound from ")


def test_a_missing_passage_moves_all_that_follows() -> None:
    source = speech(35, 20)
    without = np.concatenate((source[:, : 5 * RATE], source[:, 7 * RATE :], source[:, : 2 * RATE]), axis=1)
    assert judge(source, without).failed


def test_exchanged_channels_are_found() -> None:
    source = np.concatenate((speech(40), 0.3 * speech(41)))
    check = judge(source, source[::-1])
    assert (check.verdict, check.measured) == ("failed", "the channels are those of the source in the order 2, 1")
    assert judge(source, source).passed


def test_the_order_of_six_channels() -> None:
    source = HONEST["six channels"]
    assert judge(source, source[[0, 2, 1, 3, 4, 5]]).measured.endswith("in the order 1, 3, 2, 4, 5, 6")
    assert judge(source, source).passed


def test_a_channel_of_opposite_polarity_is_found() -> None:
    source = np.repeat(speech(42), 2, axis=0)
    check = judge(source, source * np.array([[1.0], [-1.0]]))
    assert (check.verdict, check.measured) == ("failed", "the polarity of one channel is inverted")
    # Of both channels it is not heard, and no outline shows it.
    assert judge(source, -source).passed


def test_flat_sounds_are_alike() -> None:
    chance = np.random.default_rng(5)
    one, other = (chance.normal(0, 0.2, (1, 6 * RATE)) for _ in range(2))
    assert judge(one, other).passed


def test_without_an_outline_it_is_not_checked() -> None:
    source = inspect(wav(speech(43), RATE))
    known = type(source).from_json({**source.to_json(), "outline": None})
    check = verify(AudioConvert(f="flac"), known, source)["content"]
    assert check.verdict == "not_checked"
    assert "earlier version" in check.measured
