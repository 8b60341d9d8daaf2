"""The process string in both directions: the seed's literals, every breach, round trips."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.audio_convert import FORMATS, AudioConvert, ParameterError, ProcessRequest, SaveAs

SEED_MP3_TO_AAC = (
    "audio/convert,ss_10000,t_60000,f_aac,ab_96000"
    "|sys/saveas,b_b3V0YnVja2V0,o_b3V0b2JqcHJlZml4LnthdXRvZXh0fQo/notify,topic_QXVkaW9Db252ZXJ0"
)
SEED_WAV_TO_OPUS = (
    "audio/convert,f_opus,ab_96000,ar_48000,ac_2"
    "|sys/saveas,b_b3V0YnVja2V0,o_b3V0b2JqLnthdXRvZXh0fQo/notify,topic_QXVkaW9Db252ZXJ0"
)
SEED_SDK_SAMPLES = (
    "audio/convert,ss_10000,t_60000,f_aac,ab_96000"
    "|sys/saveas,b_ZXhhbXBsZWJ1Y2tldA,o_ZGVzdC5hYWM/notify,topic_QXVkaW9Db252ZXJ0"
)


def test_the_seeds_first_rest_example() -> None:
    request = ProcessRequest.parse(SEED_MP3_TO_AAC)
    assert request.convert == AudioConvert(f="aac", ss=10000, t=60000, ab=96000)
    # The sample was encoded together with a line end; see docs/seed-notes.md.
    assert request.saveas == SaveAs(key="outobjprefix.{autoext}\n", bucket="outbucket")
    assert request.notify_topic == "AudioConvert"


def test_the_seeds_second_rest_example() -> None:
    request = ProcessRequest.parse(SEED_WAV_TO_OPUS)
    assert request.convert == AudioConvert(f="opus", ab=96000, ar=48000, ac=2)
    assert request.saveas == SaveAs(key="outobj.{autoext}\n", bucket="outbucket")


def test_the_seeds_sdk_samples_and_how_we_write_the_same() -> None:
    request = ProcessRequest.parse(SEED_SDK_SAMPLES)
    assert request == ProcessRequest(
        convert=AudioConvert(f="aac", ss=10000, t=60000, ab=96000),
        saveas=SaveAs(key="dest.aac", bucket="examplebucket"),
        notify_topic="AudioConvert",
    )
    assert request.render() == (
        "audio/convert,f_aac,ss_10000,t_60000,ab_96000"
        "|sys/saveas,b_ZXhhbXBsZWJ1Y2tldA,o_ZGVzdC5hYWM/notify,topic_QXVkaW9Db252ZXJ0"
    )


def test_padding_is_read_and_never_written() -> None:
    padded = "audio/convert,f_aac|sys/saveas,b_ZXhhbXBsZWJ1Y2tldA==,o_ZGVzdC5hYWM=/notify,topic_dGVzdA=="
    request = ProcessRequest.parse(padded)
    assert (request.saveas, request.notify_topic) == (SaveAs("dest.aac", "examplebucket"), "test")
    assert "=" not in request.render()


@pytest.mark.parametrize(
    ("text", "saveas", "topic"),
    [
        ("audio/convert,f_mp3", None, None),
        ("audio/convert,f_mp3|sys/saveas,o_ZGVzdC5hYWM", SaveAs("dest.aac"), None),
        ("audio/convert,f_mp3|sys/notify,topic_dGVzdA", None, "test"),
        ("audio/convert,f_mp3|sys/saveas,o_ZGVzdC5hYWM|sys/notify,topic_dGVzdA", SaveAs("dest.aac"), "test"),
        ("audio/convert,f_mp3|sys/notify,topic_dGVzdA/saveas,o_ZGVzdC5hYWM", SaveAs("dest.aac"), "test"),
        (
            "audio/convert,f_mp3|sys/saveas,o_ZGVzdC5hYWM,b_ZXhhbXBsZWJ1Y2tldA",
            SaveAs("dest.aac", "examplebucket"),
            None,
        ),
    ],
)
def test_saveas_and_notify_in_every_documented_arrangement(text: str, saveas: SaveAs | None, topic: str | None) -> None:
    request = ProcessRequest.parse(text)
    assert (request.saveas, request.notify_topic) == (saveas, topic)


@pytest.mark.parametrize(
    ("text", "parameter", "said"),
    [
        ("", "action", "audio/convert"),
        ("image/resize,w_100|sys/saveas,o_YQ", "action", "'image/resize'"),
        ("audio/concat,f_mp3/pre,o_YQ", "action", "'audio/concat'"),
        ("audio/converter,f_mp3", "action", "'audio/converter'"),
        ("Audio/Convert,f_mp3", "action", "'Audio/Convert'"),
        ("audio/convert", "f", "is missing"),
        ("audio/convert,ab_128000", "f", "is missing"),
        ("audio/convert,", "parameter", "f_"),
        ("audio/convert,f_mp3,", "parameter", "f_"),
        ("audio/convert,f_mp3,x_1", "parameter", "'x_1'"),
        ("audio/convert,f_mp3,AB_128000", "parameter", "'AB_128000'"),
        ("audio/convert,f_mp3, ab_128000", "parameter", "' ab_128000'"),
        ("audio/convert,f_mp3,ab", "ab", "followed by a value"),
        ("audio/convert,f_mp3,ab_", "ab", "followed by a value"),
        ("audio/convert,f_mp3,ab_128k", "ab", "a decimal integer"),
        ("audio/convert,f_mp3,ab_+128000", "ab", "a decimal integer"),
        ("audio/convert,f_mp3,ab_１２８０００", "ab", "a decimal integer"),
        ("audio/convert,f_mp3,ss_" + "9" * 5000, "ss", "a decimal integer"),
        ("audio/convert,f_mp3,ss_9999999999999999999", "ss", "milliseconds"),
        ("audio/convert,f_mp3,ss_-1", "ss", "-1"),
        ("audio/convert,f_mp3,f_aac", "f", "given once"),
        ("audio/convert,f_mp3,ab_128000,ab_128000", "ab", "given once"),
        ("audio/convert,f_mp3,aq_50,ab_128000", "aq", "exclude each other"),
        ("audio/convert,f_opus,ar_44100", "ar", "8000, 12000, 16000, 24000, 48000 Hz"),
        ("audio/convert,f_mp3/notify,topic_dGVzdA", "operation", "sys/"),
        ("audio/convert,f_mp3|", "operation", "sys/saveas"),
        ("audio/convert,f_mp3||sys/saveas,o_YQ", "operation", "sys/saveas"),
        ("audio/convert,f_mp3|sys", "operation", "'sys'"),
        ("audio/convert,f_mp3|sys/", "operation", "''"),
        ("audio/convert,f_mp3|saveas,o_YQ", "operation", "'saveas,o_YQ'"),
        ("audio/convert,f_mp3|sys/save,o_YQ", "operation", "'save,o_YQ'"),
        ("audio/convert,f_mp3|sys/saveas,o_YQ/saveas,o_Yg", "operation", "each once"),
        ("audio/convert,f_mp3|audio/convert,f_aac", "operation", "sys/saveas"),
        ("audio/convert,f_mp3|sys/saveas", "saveas o", "is missing"),
        ("audio/convert,f_mp3|sys/saveas,b_ZXhhbXBsZWJ1Y2tldA", "saveas o", "is missing"),
        ("audio/convert,f_mp3|sys/saveas,o_", "saveas o", "followed by a value"),
        ("audio/convert,f_mp3|sys/saveas,k_YQ,o_YQ", "saveas parameter", "'k_YQ'"),
        ("audio/convert,f_mp3|sys/saveas,o_YQ,o_YQ", "saveas o", "given once"),
        ("audio/convert,f_mp3|sys/saveas,o_Y", "saveas o", "length is impossible"),
        ("audio/convert,f_mp3|sys/saveas,o_YQ=", "saveas o", "length is impossible"),
        ("audio/convert,f_mp3|sys/saveas,o_YQ===", "saveas o", "URL-safe base64"),
        ("audio/convert,f_mp3|sys/saveas,o_Y Q", "saveas o", "URL-safe base64"),
        ("audio/convert,f_mp3|sys/saveas,o_Pj4+Pw", "saveas o", "URL-safe base64"),
        ("audio/convert,f_mp3|sys/saveas,o__w", "saveas o", "UTF-8"),
        ("audio/convert,f_mp3|sys/saveas,o_YQ,b_QUI", "saveas b", "a bucket name"),
        ("audio/convert,f_mp3|sys/saveas,o_e2FyfQ", "saveas o", "'{ar}'"),
        ("audio/convert,f_mp3|sys/saveas,o_e2E", "saveas o", "braces in pairs"),
        ("audio/convert,f_mp3|sys/notify", "notify topic", "is missing"),
        ("audio/convert,f_mp3|sys/notify,topic_YSBi", "notify topic", "an SMQ topic name"),
        ("audio/convert,f_mp3|sys/notify,topic_dGVzd", "notify topic", "length is impossible"),
    ],
)
def test_a_breach_names_the_parameter_and_what_is_allowed(text: str, parameter: str, said: str) -> None:
    with pytest.raises(ParameterError) as caught:
        ProcessRequest.parse(text)
    assert caught.value.parameter == parameter
    assert said in str(caught.value)


def test_a_literal_target_with_braces_is_not_read_as_variables() -> None:
    saveas = SaveAs.literal("takes/{final} 一.mp3")
    assert saveas.key == "takes/{{final}} 一.mp3"


@pytest.mark.parametrize("key", ["", "/a", "\\a", "a" * 1024, "一" * 342])
def test_a_literal_target_that_oss_could_not_store(key: str) -> None:
    with pytest.raises(ParameterError) as caught:
        SaveAs.literal(key)
    assert caught.value.parameter == "saveas o"


def test_the_longest_key_is_1023_bytes() -> None:
    assert SaveAs.literal("一" * 341).key == "一" * 341


def conversions() -> st.SearchStrategy[AudioConvert]:
    """Every valid AudioConvert."""

    def for_format(name: str) -> st.SearchStrategy[AudioConvert]:
        audio_format = FORMATS[name]
        optional: dict[str, st.SearchStrategy[Any]] = {
            "ss": st.integers(0, 2**63 - 1),
            "t": st.integers(0, 2**63 - 1),
            "ar": st.sampled_from(sorted(audio_format.sample_rates)),
            "ac": st.integers(1, audio_format.max_channels),
            "abopt": st.integers(0, 2),
        }
        if audio_format.bit_depths:
            optional["adepth"] = st.sampled_from(sorted(audio_format.bit_depths))
        rate: st.SearchStrategy[dict[str, int]] = st.one_of(
            st.just({}),
            st.fixed_dictionaries({"aq": st.integers(0, 100)}),
            st.fixed_dictionaries({"ab": st.integers(1000, 10_000_000)}),
        )
        rest = st.fixed_dictionaries({"f": st.just(name)}, optional=optional)
        return st.builds(lambda one, other: AudioConvert(**one, **other), rest, rate)

    return st.sampled_from(sorted(FORMATS)).flatmap(for_format)


def saveases() -> st.SearchStrategy[SaveAs]:
    text = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    keys = st.builds(lambda a, v, b: a + v + b, text, st.sampled_from(["", "{autoext}", "{tags.a}"]), text)
    escaped = keys.map(lambda key: key.replace("{", "{{").replace("}", "}}")).filter(bool)
    buckets = st.sampled_from([None, "out-bucket", "{bucket}-renditions"])
    return st.builds(SaveAs, key=escaped, bucket=buckets)


def process_requests() -> st.SearchStrategy[ProcessRequest]:
    letters = string.ascii_letters + string.digits
    topics = st.text(letters + "-_", max_size=119).map(lambda rest: f"t{rest}")
    return st.builds(
        ProcessRequest,
        convert=conversions(),
        saveas=st.none() | saveases(),
        notify_topic=st.none() | topics,
    )


@given(process_requests())
def test_parsing_what_was_rendered_gives_the_same_value(request_: ProcessRequest) -> None:
    text = request_.render()
    assert ProcessRequest.parse(text) == request_
    # Fit for a form body as it is: nothing that URL encoding would touch but the grammar's own signs.
    assert set(text) <= set(string.ascii_letters + string.digits + "_-,/|")


@given(conversions())
def test_the_conversion_alone_round_trips(convert: AudioConvert) -> None:
    assert AudioConvert.parse(convert.render()) == convert
    assert AudioConvert.parse(convert.render()).digest() == convert.digest()


@given(st.text(max_size=80) | st.text("audio/convert,f_mp3|sys/saveas,o_YQ=notify,topic_{}", max_size=60))
def test_any_text_is_read_or_refused_with_a_parameter_error(text: str) -> None:
    for candidate in (text, f"audio/convert,{text}", f"audio/convert,f_mp3|sys/saveas,{text}"):
        try:
            request = ProcessRequest.parse(candidate)
        except ParameterError:
            continue
        assert ProcessRequest.parse(request.render()) == request
