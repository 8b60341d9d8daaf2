"""Bitrates: real encoders stay within what is expected of them, and another step of the ladder does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from oss_audio_core.audio_convert import AudioConvert
from oss_audio_core.verification import Check, compare, expected, probe
from tests.include.oss_audio_core.verification.damages import ENCODERS

MakeAudio = Callable[..., Path]

ENCODER = {
    **{f: (*arguments,) for f, arguments in ENCODERS.items()},
    "amr-wb": ("-c:a", "libvo_amrwbenc", "-f", "amr"),
}
NOISE = ("-af", "aeval=val(0)+0.4*(random(0)-0.5)|val(1)+0.4*(random(1)-0.5)")


def bitrate_check(make_audio: MakeAudio, convert: AudioConvert, *made_with: str, seconds: float = 6) -> Check:
    source = probe(make_audio("source.wav", seconds=seconds, rate=48000))
    encoder = ENCODER["amr-wb" if (convert.f, convert.ar) == ("amr", 16000) else convert.f]
    shape = ("-ar", f"{convert.ar or 48000}", "-ac", f"{convert.ac or 2}")
    path = make_audio(f"out.{convert.f}", *made_with, *shape, *encoder, seconds=seconds, rate=48000)
    return next(one for one in compare(expected(convert, source), probe(path)) if one.name == "bitrate")


@pytest.mark.parametrize(
    "convert",
    [
        AudioConvert(f="mp3", ar=44100, ac=2, ab=128000),
        AudioConvert(f="mp3", ar=22050, ac=1, ab=24000),
        AudioConvert(f="mp3", ar=48000, ac=2, ab=100000),
        AudioConvert(f="mp3", ar=48000, ac=2, ab=9000000),
        AudioConvert(f="aac", ar=44100, ac=2, ab=64000),
        AudioConvert(f="aac", ar=48000, ac=1, ab=96000),
        AudioConvert(f="oga", ar=44100, ac=2, ab=96000),
        AudioConvert(f="ac3", ar=48000, ac=2, ab=192000),
        AudioConvert(f="ac3", ar=44100, ac=1, ab=100000),
        AudioConvert(f="opus", ar=48000, ac=2, ab=64000),
        AudioConvert(f="opus", ar=16000, ac=1, ab=12000),
        *(AudioConvert(f="amr", ar=8000, ac=1, ab=mode) for mode in (4750, 5900, 7950, 12200)),
        *(AudioConvert(f="amr", ar=16000, ac=1, ab=mode) for mode in (6600, 15850, 23850)),
        AudioConvert(f="flac", ar=48000, ac=2, ab=64000),
    ],
    ids=AudioConvert.render,
)
@pytest.mark.parametrize("sound", ["tone", "noise"])
@pytest.mark.parametrize("seconds", [0.4, 6])
def test_what_an_encoder_makes_of_ab_is_right(
    convert: AudioConvert, sound: str, seconds: float, make_audio: MakeAudio
) -> None:
    made_with = (*(NOISE if sound == "noise" else ()), "-b:a", f"{min(convert.ab or 0, 320000)}")
    check = bitrate_check(make_audio, convert, *made_with, seconds=seconds)
    assert check.passed, str(check)


@pytest.mark.parametrize(
    ("convert", "made"),
    [
        (AudioConvert(f="mp3", ab=128000), "64k"),
        (AudioConvert(f="mp3", ab=128000), "160k"),
        (AudioConvert(f="ac3", ab=192000), "160k"),
        (AudioConvert(f="ac3", ab=192000), "224k"),
        (AudioConvert(f="aac", ab=64000), "128k"),
        (AudioConvert(f="opus", ab=32000), "64k"),
        (AudioConvert(f="oga", ab=64000), "192k"),
        (AudioConvert(f="amr", ar=8000, ac=1, ab=12200), "10200"),
        (AudioConvert(f="amr", ar=16000, ac=1, ab=6600), "12650"),
    ],
    ids=str,
)
def test_another_step_is_found(convert: AudioConvert, made: str, make_audio: MakeAudio) -> None:
    check = bitrate_check(make_audio, convert, *NOISE, "-b:a", made)
    assert check.failed, str(check)
    assert f"ab={convert.ab}" in check.expected


def test_abopt_1_takes_the_sources_where_that_is_lower(make_audio: MakeAudio) -> None:
    source = probe(make_audio("source.mp3", "-b:a", "64k", seconds=6))
    as_source = probe(make_audio("out.mp3", "-b:a", "64k", "-ar", "48000", seconds=6))
    as_asked = probe(make_audio("out.mp3", "-b:a", "192k", "-ar", "48000", seconds=6))
    for abopt, right in ((None, as_asked), (0, as_asked), (1, as_source)):
        wish = AudioConvert(f="mp3", ar=48000, ab=192000, abopt=abopt)
        for measured in (as_source, as_asked):
            check = next(one for one in compare(expected(wish, source), measured) if one.name == "bitrate")
            assert check.passed is (measured is right), str(check)
    higher = AudioConvert(f="mp3", ar=48000, ab=32000, abopt=1)
    assert "abopt" not in expected(higher, source).bitrate.said


def test_aq_has_no_bitrate_but_the_formats(make_audio: MakeAudio) -> None:
    for quality in ("0", "9"):
        check = bitrate_check(make_audio, AudioConvert(f="mp3", aq=50), *NOISE, "-q:a", quality)
        assert check.passed
        assert "aq=50" in check.expected
    narrow = bitrate_check(make_audio, AudioConvert(f="amr", ar=8000, ac=1, aq=0), *NOISE, "-b:a", "12200")
    assert narrow.passed
