"""Shell patterns on whole keys: what they match, and what they don't."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.pipeline.key_patterns import KeyPatterns, PatternError, escape, examples, literal_heads


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("*.wav", "a.wav"),
        ("*.wav", "x/y/.a.WAV"),
        ("*.WAV", "曲.wav"),
        ("in/*.wav", "in/x/a.wav"),
        ("**/*.wav", "a.wav"),
        ("**/*.wav", "x/y/a.wav"),
        ("x/**/a.wav", "x/a.wav"),
        ("x/**/a.wav", "x/y/z/a.wav"),
        ("{x,**/y}/a.wav", "z/y/a.wav"),
        ("*.{wav,mp3}", "a.mp3"),
        ("{in,out}/{a,b}.wav", "out/a.wav"),
        ("a?.wav", "ab.wav"),
        ("[ab].wav", "B.wav"),
        ("[!ab].wav", "c.wav"),
        (r"a\*b", "a*b"),
        (r"\{a,b\}.wav", "{a,b}.wav"),
        ("song (1).wav", "song (1).wav"),
        ("a{b.wav", "a{b.wav"),
        ("a\nb*", "a\nbc"),
        ("!a*", "!a.wav"),
        ("-a*", "-a.wav"),
        ("a|b", "a|b"),
    ],
)
def test_a_key_matches(pattern: str, key: str) -> None:
    assert KeyPatterns(["nothing", pattern]).matches(key)


@pytest.mark.parametrize(
    ("pattern", "key"),
    [
        ("*.wav", "a.wave"),
        ("*.wav", "a.wav\n"),
        ("a.wav", "xa.wav"),
        ("a.wav", "aXwav"),
        ("x/**/a.wav", "xa.wav"),
        ("x/**/a.wav", "x/ya.wav"),
        ("*.{wav,mp3}", "a.flac"),
        ("[!ab].wav", "A.wav"),
        (r"a\*b", "axb"),
        ("", ""),
        ("", "a"),
    ],
)
def test_another_key_does_not(pattern: str, key: str) -> None:
    assert not KeyPatterns([pattern]).matches(key)


def test_without_patterns_nothing_matches() -> None:
    assert not KeyPatterns([]).matches("a.wav")


KEYS = st.text(st.sampled_from("aA/.*?[]{},!-\\|^$()1..3 \n歌"), min_size=1, max_size=12)


@given(KEYS)
def test_an_escaped_key_matches_itself_alone(key: str) -> None:
    pattern = escape(key)
    assert KeyPatterns([pattern]).matches(key)
    assert not KeyPatterns([pattern]).matches(f"{key}x")
    assert list(literal_heads(pattern)) == list(examples(pattern)) == [key]


@given(KEYS, KEYS)
def test_what_matches_begins_with_a_literal_head(pattern: str, key: str) -> None:
    if KeyPatterns([pattern]).matches(key):
        assert any(key.casefold().startswith(head.casefold()) for head in literal_heads(pattern))


def test_too_many_alternatives_are_refused() -> None:
    with pytest.raises(PatternError, match=r"the braces of '\{1\.\.1001\}' stand for more than 1000 patterns"):
        KeyPatterns(["{1..1001}"])
