"""Renditions against what was asked: right ones pass, each kind of wrong one is found."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from oss_audio_core.audio_convert import AudioConvert
from oss_audio_core.verification import Check, compare, expected, probe

MakeAudio = Callable[..., Path]

ENCODERS = {
    "mp3": ("-c:a", "libmp3lame", "-f", "mp3"),
    "aac": ("-c:a", "aac", "-f", "adts"),
    "flac": ("-c:a", "flac", "-f", "flac"),
    "oga": ("-c:a", "libvorbis", "-f", "oga"),
    "ac3": ("-c:a", "ac3", "-f", "ac3"),
    "opus": ("-c:a", "libopus", "-f", "opus"),
    "amr-nb": ("-c:a", "libopencore_amrnb", "-f", "amr"),
    "amr-wb": ("-c:a", "libvo_amrwbenc", "-f", "amr"),
}


def failed(checks: list[Check]) -> list[str]:
    return [check.name for check in checks if check.failed]


@pytest.mark.parametrize(
    ("encoder", "convert"),
    [
        ("mp3", AudioConvert(f="mp3", ar=44100, ac=2)),
        ("mp3", AudioConvert(f="mp3", ar=8000, ac=1)),
        ("mp3", AudioConvert(f="mp3", ar=24000, ac=2)),
        ("aac", AudioConvert(f="aac", ar=44100, ac=2)),
        ("aac", AudioConvert(f="aac", ar=8000, ac=1)),
        ("aac", AudioConvert(f="aac", ar=96000, ac=6)),
        ("flac", AudioConvert(f="flac", ar=11025, ac=1)),
        ("flac", AudioConvert(f="flac", ar=96000, ac=8)),
        ("oga", AudioConvert(f="oga", ar=44100, ac=2)),
        ("oga", AudioConvert(f="oga", ar=8000, ac=1)),
        ("ac3", AudioConvert(f="ac3", ar=32000, ac=2)),
        ("ac3", AudioConvert(f="ac3", ar=48000, ac=6)),
        ("opus", AudioConvert(f="opus", ar=8000, ac=1)),
        ("opus", AudioConvert(f="opus", ar=24000, ac=2)),
        ("opus", AudioConvert(f="opus", ar=48000, ac=6)),
        ("amr-nb", AudioConvert(f="amr", ar=8000, ac=1)),
        ("amr-wb", AudioConvert(f="amr", ar=16000, ac=1)),
    ],
    ids=lambda value: value.render() if isinstance(value, AudioConvert) else value,
)
@pytest.mark.parametrize("seconds", [0.25, 3.217])
def test_a_right_rendition_passes(encoder: str, convert: AudioConvert, seconds: float, make_audio: MakeAudio) -> None:
    source = probe(make_audio("source.wav", seconds=seconds))
    shape = ("-ar", f"{convert.ar}", "-ac", f"{convert.ac}")
    rendition = make_audio(f"out.{convert.f}", *ENCODERS[encoder], *shape, seconds=seconds)
    checks = compare(expected(convert, source), probe(rendition))
    assert failed(checks) == [], [str(check) for check in checks]
    names = ["container", "codec", "sample_rate", "channels", "bitrate", "duration", "size", "complete"]
    assert [check.name for check in checks] == names


def test_absent_values_are_the_sources(make_audio: MakeAudio) -> None:
    source = probe(make_audio("source.wav", rate=22050, channels=1))
    expectation = expected(AudioConvert(f="mp3"), source)
    assert (expectation.codec, expectation.sample_rate, expectation.channels) == ("mp3", 22050, 1)
    assert expectation.bits_per_sample is None
    assert expected(AudioConvert(f="amr", ac=1), probe(make_audio("s.wav", rate=16000))).codec == "amr_wb"


@pytest.mark.parametrize(
    ("ss", "t", "seconds"),
    [
        (None, None, 10.0),
        (0, 0, 10.0),
        (2500, None, 7.5),
        (None, 4000, 4.0),
        (2500, 4000, 4.0),
        (8000, 4000, 2.0),
        (None, 60000, 10.0),
        (10000, None, 0.0),
        (99000, 1000, 0.0),
    ],
)
def test_the_duration_is_what_is_left_after_ss_and_at_most_t(
    ss: int | None, t: int | None, seconds: float, make_audio: MakeAudio
) -> None:
    source = probe(make_audio("source.wav", seconds=10, rate=8000, channels=1))
    assert expected(AudioConvert(f="mp3", ss=ss, t=t), source).duration == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("encoder", "shape", "convert", "wrong"),
    [
        ("mp3", (), AudioConvert(f="aac"), ["container", "codec"]),
        ("flac", (), AudioConvert(f="oga"), ["container", "codec"]),
        (
            "amr-wb",
            ("-ar", "16000", "-ac", "1"),
            AudioConvert(f="amr", ar=8000, ac=1),
            ["codec", "sample_rate"],
        ),
        ("mp3", ("-ar", "48000"), AudioConvert(f="mp3", ar=44100), ["sample_rate"]),
        ("opus", ("-ar", "16000"), AudioConvert(f="opus", ar=48000), ["sample_rate"]),
        ("aac", ("-ac", "1"), AudioConvert(f="aac", ac=2), ["channels"]),
        ("flac", ("-sample_fmt", "s16"), AudioConvert(f="flac", adepth=24), ["bit_depth"]),
        ("mp3", ("-t", "0.9"), AudioConvert(f="mp3"), ["duration"]),
        ("mp3", (), AudioConvert(f="mp3", t=900), ["duration"]),
        ("flac", (), AudioConvert(f="flac", ss=5), ["duration"]),
        ("oga", (), AudioConvert(f="oga", ss=10), ["duration"]),
        ("opus", (), AudioConvert(f="opus", ar=48000, ss=10), ["sample_rate", "duration"]),
        ("aac", (), AudioConvert(f="aac", ss=100), ["duration"]),
        ("aac", ("-t", "0.95"), AudioConvert(f="aac"), ["duration"]),
        ("ac3", (), AudioConvert(f="ac3", ss=100), ["duration"]),
        ("amr-nb", ("-ar", "8000", "-ac", "1"), AudioConvert(f="amr", ar=8000, ac=1, ss=50), ["duration"]),
    ],
    ids=lambda value: value.render() if isinstance(value, AudioConvert) else None,
)
def test_each_difference_is_found_and_named(
    encoder: str, shape: tuple[str, ...], convert: AudioConvert, wrong: list[str], make_audio: MakeAudio
) -> None:
    source = probe(make_audio("source.wav"))
    # 44,100 Hz is no rate of opus: its encoder needs one of its own.
    rate = ("-ar", "24000") if encoder == "opus" and not shape else ()
    rendition = probe(make_audio(f"out.{convert.f}", *ENCODERS[encoder], *rate, *shape))
    checks = compare(expected(convert, source), rendition)
    assert failed(checks) == wrong, [str(check) for check in checks]


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_rendition_cut_in_half_is_found_in_every_format(encoder: str, make_audio: MakeAudio) -> None:
    f = encoder.partition("-")[0]
    shape = {"amr-nb": ("8000", 1), "amr-wb": ("16000", 1), "opus": ("48000", 2)}.get(encoder, ("44100", 2))
    convert = AudioConvert(f=f, ar=int(shape[0]), ac=shape[1])
    source = probe(make_audio("source.wav", seconds=4))
    whole = make_audio("out", *ENCODERS[encoder], "-ar", shape[0], "-ac", str(shape[1]), seconds=4)
    data = whole.read_bytes()
    assert failed(compare(expected(convert, source), probe(BytesIO(data)))) == []
    checks = compare(expected(convert, source), probe(BytesIO(data[: len(data) // 2])))
    assert "duration" in failed(checks)


def test_an_mp3_that_hides_its_delay_is_given_the_benefit_of_three_frames(make_audio: MakeAudio) -> None:
    source = probe(make_audio("source.wav", seconds=2))
    hides = probe(make_audio("out.mp3", *ENCODERS["mp3"], "-write_xing", "0", seconds=2))
    expectation = expected(AudioConvert(f="mp3"), source)
    assert not hides.gapless
    assert failed(compare(expectation, hides)) == []
    longer = probe(make_audio("out.mp3", *ENCODERS["mp3"], "-write_xing", "0", seconds=2.1))
    assert failed(compare(expectation, longer)) == ["duration"]


def test_a_check_reads_as_a_sentence() -> None:
    check = Check("sample_rate", "44100 Hz", "48000 Hz", "failed")
    assert str(check) == "sample_rate: expected 44100 Hz, measured 48000 Hz"


@pytest.mark.parametrize(("tags", "right"), [(300_000, True), (0, False)])
def test_a_rendition_may_keep_the_tags_of_its_source(tags: int, right: bool, make_audio: Callable[..., Path]) -> None:
    audio = make_audio("a.mp3", "-b:a", "64k").read_bytes()
    length = bytes(300_000 >> shift & 0x7F for shift in (21, 14, 7, 0))
    source = BytesIO((b"ID3\x04\x00\x00" + length + bytes(300_000) if tags else b"") + audio)
    tagged = BytesIO(b"ID3\x04\x00\x00" + length + bytes(300_000) + audio)
    checks = compare(expected(AudioConvert(f="mp3", ab=64000), probe(source)), probe(tagged))
    (size,) = (check for check in checks if check.name == "size")
    assert size.passed is right
