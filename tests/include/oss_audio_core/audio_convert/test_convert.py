"""Every rule of the seed's table of parameters and of its format constraints."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from oss_audio_core.audio_convert import FORMATS, AudioConvert, ParameterError, check_against_source

# The seed's table "Format constraints", written out here by hand and not taken from the code under test.
EVERY_RATE = [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000]
SEED_RATES = {
    "mp3": [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000],
    "aac": EVERY_RATE,
    "flac": EVERY_RATE,
    "oga": EVERY_RATE,
    "ac3": [32000, 44100, 48000],
    "opus": [8000, 12000, 16000, 24000, 48000],
    "amr": [8000, 16000],
}
SEED_MAX_CHANNELS = {"mp3": 2, "aac": 8, "flac": 8, "oga": 8, "ac3": 6, "opus": 8, "amr": 1}


def test_the_seven_formats_are_the_seeds() -> None:
    assert list(FORMATS) == ["mp3", "aac", "flac", "oga", "ac3", "opus", "amr"]


@pytest.mark.parametrize("f", SEED_RATES)
@pytest.mark.parametrize("ar", EVERY_RATE)
def test_a_rate_is_allowed_exactly_where_the_seed_allows_it(f: str, ar: int) -> None:
    if ar in SEED_RATES[f]:
        assert AudioConvert(f=f, ar=ar).ar == ar
        return
    with pytest.raises(ParameterError) as caught:
        AudioConvert(f=f, ar=ar)
    assert (caught.value.parameter, caught.value.value) == ("ar", ar)
    assert f"for f={f}" in str(caught.value)
    for allowed in SEED_RATES[f]:
        assert str(allowed) in caught.value.allowed


@pytest.mark.parametrize("f", SEED_MAX_CHANNELS)
@pytest.mark.parametrize("ac", range(1, 9))
def test_a_channel_count_is_allowed_exactly_where_the_seed_allows_it(f: str, ac: int) -> None:
    if ac <= SEED_MAX_CHANNELS[f]:
        assert AudioConvert(f=f, ac=ac).ac == ac
        return
    with pytest.raises(ParameterError, match=f"ac is {ac}; allowed: for f={f}: 1"):
        AudioConvert(f=f, ac=ac)


@pytest.mark.parametrize(
    ("name", "lowest", "highest"),
    [("aq", 0, 100), ("ab", 1000, 10_000_000), ("ac", 1, 8), ("abopt", 0, 2)],
)
def test_ranges_end_where_the_seed_says(name: str, lowest: int, highest: int) -> None:
    for value in (lowest, highest):
        assert getattr(AudioConvert(f="flac", **{name: value}), name) == value
    for value in (lowest - 1, highest + 1):
        with pytest.raises(ParameterError) as caught:
            AudioConvert(f="flac", **{name: value})
        assert (caught.value.parameter, caught.value.value) == (name, value)


@pytest.mark.parametrize("name", ["ss", "t"])
def test_times_start_at_zero_and_have_no_documented_end(name: str) -> None:
    for value in (0, 1, 86_400_000):
        assert getattr(AudioConvert(f="mp3", **{name: value}), name) == value
    with pytest.raises(ParameterError, match=f"{name} is -1"):
        AudioConvert(f="mp3", **{name: -1})


@pytest.mark.parametrize("name", ["ss", "t", "ar", "ac", "aq", "ab", "abopt", "adepth"])
@pytest.mark.parametrize("value", ["128k", "16", 16.0, True, [16]])
def test_only_integers_are_integers(name: str, value: object) -> None:
    wrong: dict[str, Any] = {"f": "flac", name: value}
    with pytest.raises(ParameterError) as caught:
        AudioConvert(**wrong)
    assert caught.value.parameter == name


@pytest.mark.parametrize("f", ["wav", "MP3", "", "ogg", None, 3])
def test_an_unknown_format_is_refused_with_the_seven_known(f: Any) -> None:
    with pytest.raises(ParameterError, match="allowed: mp3, aac, flac, oga, ac3, opus, amr") as caught:
        AudioConvert(f=f)
    assert caught.value.parameter == "f"


def test_quality_and_bitrate_exclude_each_other() -> None:
    with pytest.raises(ParameterError, match="aq and ab exclude each other"):
        AudioConvert(f="mp3", aq=50, ab=128000)


@pytest.mark.parametrize("adepth", [16, 24])
@pytest.mark.parametrize("f", FORMATS)
def test_bit_depth_belongs_to_flac_alone(f: str, adepth: int) -> None:
    if f == "flac":
        assert AudioConvert(f=f, adepth=adepth).adepth == adepth
        return
    with pytest.raises(ParameterError, match="adepth applies to flac only"):
        AudioConvert(f=f, adepth=adepth)


@pytest.mark.parametrize("adepth", [8, 32])
def test_bit_depth_is_16_or_24(adepth: int) -> None:
    with pytest.raises(ParameterError, match=f"adepth is {adepth}; allowed: 16, 24"):
        AudioConvert(f="flac", adepth=adepth)


def test_abopt_may_be_the_string_the_seed_calls_it() -> None:
    as_the_seed_types_it: dict[str, Any] = {"abopt": "1"}
    assert AudioConvert(f="mp3", **as_the_seed_types_it) == AudioConvert(f="mp3", abopt=1)


def test_a_parameter_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(ParameterError("ar", 7, "8000, 16000 Hz")))
    assert (error.parameter, error.value, error.allowed) == ("ar", 7, "8000, 16000 Hz")
    assert str(error) == "ar is 7; allowed: 8000, 16000 Hz"


def test_a_message_stays_short_when_the_value_is_long() -> None:
    assert len(str(ParameterError("f", "x" * 100_000, "mp3"))) < 200


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (AudioConvert(f="mp3"), AudioConvert(f="mp3", ss=0, t=0, abopt=0)),
        (AudioConvert(f="aac", ab=96000, ss=0), AudioConvert(f="aac", ab=96000)),
    ],
)
def test_documented_defaults_do_not_change_the_digest(left: AudioConvert, right: AudioConvert) -> None:
    assert left != right
    assert left.digest() == right.digest()


def test_everything_else_changes_the_digest() -> None:
    values = [
        AudioConvert(f="flac"),
        AudioConvert(f="aac"),
        AudioConvert(f="flac", ss=1),
        AudioConvert(f="flac", t=1),
        AudioConvert(f="flac", ar=8000),
        AudioConvert(f="flac", ac=1),
        AudioConvert(f="flac", aq=0),
        AudioConvert(f="flac", aq=1),
        AudioConvert(f="flac", ab=1000),
        AudioConvert(f="flac", abopt=1),
        AudioConvert(f="flac", adepth=16),
    ]
    assert len({value.digest() for value in values}) == len(values)


def test_the_digest_stays_the_same_from_version_to_version() -> None:
    # SHA-256 of "audio/convert,f_mp3,ab_128000": a catalogue compares digests written by older versions.
    digest = "9f86e6e25b3570ed7b2ac7c8aeccccb5b0943ce9c45a0965e1049cdc2f613700"
    assert AudioConvert(f="mp3", ab=128000).digest() == digest


@pytest.mark.parametrize(
    ("convert", "sample_rate", "channels", "parameter"),
    [
        (AudioConvert(f="mp3"), 44100, 8, "ac"),
        (AudioConvert(f="opus"), 44100, 2, "ar"),
        (AudioConvert(f="amr"), 8000, 2, "ac"),
        (AudioConvert(f="amr", ac=1), 44100, 2, "ar"),
        (AudioConvert(f="ac3"), 96000, 6, "ar"),
        (AudioConvert(f="ac3", ar=48000), 96000, 8, "ac"),
        (AudioConvert(f="flac"), 192000, 2, "ar"),
    ],
)
def test_values_taken_over_from_the_source_have_to_fit(
    convert: AudioConvert, sample_rate: int, channels: int, parameter: str
) -> None:
    with pytest.raises(ParameterError, match=f"set {parameter}") as caught:
        check_against_source(convert, sample_rate, channels)
    assert caught.value.parameter == parameter


@pytest.mark.parametrize(
    ("convert", "sample_rate", "channels"),
    [
        (AudioConvert(f="mp3", ac=2), 44100, 8),
        (AudioConvert(f="opus", ar=48000), 44100, 8),
        (AudioConvert(f="amr", ar=8000, ac=1), 96000, 6),
        (AudioConvert(f="flac"), 96000, 8),
    ],
)
def test_explicit_values_make_the_source_irrelevant(convert: AudioConvert, sample_rate: int, channels: int) -> None:
    check_against_source(convert, sample_rate, channels)


def test_the_rate_decides_the_amr_codec() -> None:
    assert FORMATS["amr"].codec(8000) == "amr_nb"
    assert FORMATS["amr"].codec(16000) == "amr_wb"
    assert FORMATS["oga"].codec(44100) == "vorbis"
