"""Variables in targets: what each stands for, braces, and objects at the root of a bucket."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.audio_convert import ParameterError, variables


@pytest.mark.parametrize(
    ("key", "dirname", "barename", "basename", "ext"),
    [
        ("a/b/song.mp3", "a/b", "song", "song.mp3", "mp3"),
        ("song.mp3", "", "song", "song.mp3", "mp3"),
        ("a/song", "a", "song", "song", ""),
        ("a.b/song.tar.gz", "a.b", "song.tar", "song.tar.gz", "gz"),
        ("a/.hidden", "a", ".hidden", ".hidden", ""),
        ("节目/第 1 集.wav", "节目", "第 1 集", "第 1 集.wav", "wav"),
        ("a//b.wav", "a/", "b", "b.wav", "wav"),
    ],
)
def test_the_source_in_its_parts(key: str, dirname: str, barename: str, basename: str, ext: str) -> None:
    assert variables.source_variables("in", key) == {
        "bucket": "in",
        "key": key,
        "dirname": dirname,
        "barename": barename,
        "basename": basename,
        "ext": ext,
    }


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda key: key[0] != "/"))
def test_dirname_and_basename_make_the_key_wherever_the_object_lies(key: str) -> None:
    assert variables.expand("{dirname}/{basename}", variables.source_variables("in", key)) == key


def test_an_object_at_the_root_leaves_no_double_slash() -> None:
    at_root = variables.source_variables("in", "song.wav")
    assert variables.expand("out/{dirname}/{barename}.mp3", at_root) == "out/song.mp3"
    assert variables.expand("{dirname}/{barename}.mp3", at_root) == "song.mp3"
    assert variables.expand("{dirname}-{barename}.mp3", at_root) == "-song.mp3"


def test_times_are_utc_and_two_digits() -> None:
    moment = datetime(2026, 3, 1, 1, 2, 3, tzinfo=timezone(timedelta(hours=8)))
    upload = variables.upload_time_variables(moment)
    assert upload == {"year": "2026", "mon": "02", "day": "28", "hour": "17", "min": "02", "sec": "03"}
    task = variables.task_time_variables(datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC))
    assert variables.expand("{t_year}{t_mon}{t_day}T{t_hour}{t_min}{t_sec}", task) == "20261231T235959"


def test_tags_and_doubled_braces() -> None:
    context = {"tags.artist": "Ensemble {x}", "index": "1"}
    assert variables.expand("{tags.artist}/{{{index}}}.mp3", context) == "Ensemble {x}/{1}.mp3"


@given(st.text())
def test_escaped_text_expands_to_itself(text: str) -> None:
    assert variables.expand(variables.escape(text), {}) == text


@pytest.mark.parametrize("template", ["a{", "a}", "{a{b}}", "{", "}{"])
def test_a_lone_brace_is_refused(template: str) -> None:
    with pytest.raises(ParameterError, match="braces in pairs"):
        variables.expand(template, {"a": "1", "b": "2"})


def test_a_variable_without_a_value_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(ParameterError, match=r"'\{ext\}'; allowed: \{bucket\} \{key\}"):
        variables.expand("{ext}", {"key": "k", "bucket": "b"})


@pytest.mark.parametrize("name", ["bucket", "t_sec", "streamindex", "tags.any key"])
def test_every_documented_variable_is_known(name: str) -> None:
    variables.check("saveas o", f"a/{{{name}}}")


@pytest.mark.parametrize("name", ["", "tags.", "tags", "resolution", "Key", "key "])
def test_every_other_variable_is_unknown(name: str) -> None:
    with pytest.raises(ParameterError) as caught:
        variables.check("saveas o", f"a/{{{name}}}")
    assert caught.value.parameter == "saveas o"
    assert "{tags.KEY}" in caught.value.allowed


@pytest.mark.parametrize(
    ("key", "expected"),
    [("out", "out.mp3"), ("a.b/out", "a.b/out.mp3"), ("out.bin", "out.bin"), ("out.mp3\n", "out.mp3\n")],
)
def test_a_key_without_extension_gets_the_containers(key: str, expected: str) -> None:
    assert variables.with_extension(key, "mp3") == expected


@pytest.mark.parametrize(
    ("template", "head"),
    [
        ("out/{key}.mp3", "out/"),
        ("{key}", ""),
        ("a.mp3", "a.mp3"),
        ("{{a}}/{key}.mp3", "{a}/"),
        ("x{{{key}}}.mp3", "x{"),
        ("", ""),
    ],
)
def test_what_every_expansion_begins_with(template: str, head: str) -> None:
    assert variables.literal_head(template) == head
