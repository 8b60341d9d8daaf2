"""Settings of the environment: a misspelt one is refused by name, and every one that there is is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from oss_audio.deployment import (
    NAMES,
    UnknownSetting,
    choice,
    number,
    percent,
    refuse_unknown,
    setting,
    several,
    switch,
)

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("OSS_AUDIO_MAX_INFLIGHT", "OSS_AUDIO_MAX_IN_FLIGHT"),
        ("OSS_AUDIO_PROFILE", "OSS_AUDIO_PROFILES"),
        ("OSS_AUDIO_bucket", "OSS_AUDIO_BUCKET"),
        ("OSS_AUDIO_STAGING", "OSS_AUDIO_STAGING_PREFIX"),
    ],
)
def test_a_misspelt_setting_is_refused_with_the_one_that_was_meant(given: str, meant: str) -> None:
    with pytest.raises(UnknownSetting, match=rf"^there is no setting {given}: did you mean {meant}\?$"):
        refuse_unknown({given: "7", "PATH": "/bin"})


def test_what_resembles_nothing_is_refused_with_all_there_are() -> None:
    with pytest.raises(UnknownSetting, match="there is no setting OSS_AUDIO_XYZZY: there are OSS_AUDIO_BUCKET, "):
        refuse_unknown({"OSS_AUDIO_XYZZY": ""})


def test_what_there_is_and_what_is_of_others_is_taken() -> None:
    refuse_unknown({f"OSS_AUDIO_{name}": "" for name in NAMES} | {"OSS_BUCKET": "x", "OSS_AUDIO_STACK": "/tmp"})


def test_every_setting_is_documented() -> None:
    documented = set(re.findall(r"`OSS_AUDIO_(\w+)`", PAGE.read_text(encoding="utf-8")))
    assert documented == NAMES


def test_a_setting_that_there_is_not_can_not_be_asked_for() -> None:
    with pytest.raises(KeyError):
        setting("XYZZY")


@pytest.mark.parametrize("name", ["MANIFESTS", "MAX_IN_FLIGHT"])
def test_a_wrong_value_is_refused_and_not_repeated(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is pasted into the wrong variable may be a secret."""
    monkeypatch.setenv(f"OSS_AUDIO_{name}", "canary-secret")
    with pytest.raises(ValueError, match=f"^OSS_AUDIO_{name} must be ") as caught:
        _ = switch(name) if name == "MANIFESTS" else number(name, int)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("", []),
        (" a , b,,", ["a", "b"]),
        ("*.{tmp,bak},old/*", ["*.{tmp,bak}", "old/*"]),
        ("old/*,{a,b}/{c,d}", ["old/*", "{a,b}/{c,d}"]),
        ("a{b,c", ["a{b", "c"]),
    ],
)
def test_commas_part_texts_except_within_braces(given: str, texts: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSS_AUDIO_EXCLUDE", given)
    assert several("EXCLUDE") == texts


def test_a_percentage_may_be_nothing_and_all(monkeypatch: pytest.MonkeyPatch) -> None:
    assert percent("FAILURE_THRESHOLD", 5.0) == 5
    for given, read in (("0", 0.0), ("100", 100.0), ("2.5", 2.5)):
        monkeypatch.setenv("OSS_AUDIO_FAILURE_THRESHOLD", given)
        assert percent("FAILURE_THRESHOLD", 5.0) == read
    for wrong in ("101", "-1", "five", "nan"):
        monkeypatch.setenv("OSS_AUDIO_FAILURE_THRESHOLD", wrong)
        with pytest.raises(
            ValueError, match=r"^OSS_AUDIO_FAILURE_THRESHOLD must be a number from 0 to 100, or not set$"
        ):
            percent("FAILURE_THRESHOLD", 5.0)


def test_one_of_several_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert choice("EMPTY_LISTING", "fail", "warn") == "fail"
    monkeypatch.setenv("OSS_AUDIO_EMPTY_LISTING", "ignore")
    with pytest.raises(ValueError, match=r"^OSS_AUDIO_EMPTY_LISTING must be fail or warn, or not set$"):
        choice("EMPTY_LISTING", "fail", "warn")
