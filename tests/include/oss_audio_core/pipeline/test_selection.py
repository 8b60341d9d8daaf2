"""Which objects are sources, and that a selection never takes its own renditions for sources."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from oss_audio_core.audio_convert import AudioConvert, Profile
from oss_audio_core.pipeline.key_patterns import escape
from oss_audio_core.pipeline.rendition_spec import SingleSpec
from oss_audio_core.pipeline.selection import Selection, SelectionError, refuse_own_targets

MP3 = Profile(
    name="mp3",
    description="",
    convert=AudioConvert(f="mp3"),
    target_key="renditions/{profile}/{dirname}/{barename}.mp3",
)


@pytest.mark.parametrize(
    ("selection", "key", "reason"),
    [
        (Selection("audio"), "a/b c/曲.WAV", None),
        (Selection("audio"), "a/notes.txt", "not audio by its name"),
        (Selection("audio"), "no-extension", "not audio by its name"),
        (Selection("audio"), "dotted.folder/name", "not audio by its name"),
        (Selection("audio"), "a/folder/", "folder marker"),
        (Selection("audio"), ".staging/x/0/1-1.mp3", "staging"),
        (Selection("audio", staging="tmp/"), "tmp/1.mp3", "staging"),
        (Selection("audio", exclude=("a/*",)), "a/b/c.wav", "excluded"),
        (Selection("audio", include=("*.wav",)), "a/b.mp3", "not included"),
        (Selection("audio", include=("*.txt",)), "a/b.txt", None),
        (Selection("audio", include=("*.wav",), exclude=("*/old/*",)), "a/old/b.wav", "excluded"),
        (Selection("audio", include=("*.wav",)), "a/B.WAV", None),
        (Selection("audio", exclude=("A/*.mp3",)), "a/b.MP3", "excluded"),
        (Selection("audio", include=("**/*.{wav,mp3}",)), "a.mp3", None),
        (Selection("audio", include=("**/*.{wav,mp3}",)), "a/b/c.wav", None),
        (Selection("audio", include=("**/*.{wav,mp3}",)), "a/b.flac", "not included"),
        (Selection("audio"), "a/._b.wav", "file of an operating system"),
        (Selection("audio", include=("*.wav",)), "a/._b.wav", "file of an operating system"),
        (Selection("audio", include=("oss://audio/in/*.wav",)), "in/a.wav", None),
        (Selection("audio", exclude=("oss://audio/in/*",)), "in/a.wav", "excluded"),
        (Selection("audio", ("oss://audio/in/",)), "in/a.wav", None),
        (Selection("audio", ("oss://audio",)), "in/a.wav", None),
    ],
)
def test_reasons(selection: Selection, key: str, reason: str | None) -> None:
    assert selection.reason_against(key) == reason
    assert selection.matches(key) is (reason is None)


NIGHT = datetime(2026, 11, 22, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("limits", "size", "modified", "reason"),
    [
        ({}, 0, NIGHT, None),
        ({"min_size": 10}, 9, NIGHT, "smaller than min_size"),
        ({"min_size": 10, "max_size": 10}, 10, NIGHT, None),
        ({"max_size": 10}, 11, NIGHT, "larger than max_size"),
        ({"modified_from": NIGHT}, 1, NIGHT, None),
        ({"modified_from": NIGHT}, 1, NIGHT - SECOND, "older than the interval"),
        ({"modified_before": NIGHT}, 1, NIGHT - SECOND, None),
        ({"modified_before": NIGHT}, 1, NIGHT, "newer than the interval"),
        ({"exclude": ("*",), "min_size": 10}, 9, NIGHT, "excluded"),
    ],
)
def test_limits_of_size_and_time(limits: dict[str, object], size: int, modified: datetime, reason: str | None) -> None:
    selection = Selection("audio", **limits)
    assert selection.reason_against_object("a.wav", size, modified) == reason


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"min_size": -1}, "min_size is -1"),
        ({"min_size": 2, "max_size": 1}, "min_size 2 is more than max_size 1"),
        ({"modified_from": datetime(2026, 1, 1)}, "has no time zone"),  # noqa: DTZ001 - that is the point
        ({"modified_from": NIGHT, "modified_before": NIGHT}, "is not before modified_before"),
    ],
)
def test_limits_that_leave_nothing_are_refused(limits: dict[str, object], message: str) -> None:
    with pytest.raises(SelectionError, match=message):
        Selection("audio", **limits)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"bucket": ""}, "no bucket"),
        ({"prefixes": ("/a",)}, "leave the slash out"),
        ({"prefixes": ("a/", "a/b/")}, "'a/b/' lies inside prefix 'a/'"),
        ({"prefixes": ("a/", "a/")}, "lies inside"),
    ],
)
def test_a_selection_that_cannot_work_is_refused(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(SelectionError, match=reason):
        Selection(**{"bucket": "audio", **changes})


@pytest.mark.parametrize(
    "selection",
    [
        Selection("audio", ("incoming/",)),
        Selection("audio", exclude=("renditions/*",)),
        Selection("audio", include=("*.wav",)),
        Selection("audio", include=("incoming/[ab]*.mp3",)),
    ],
)
def test_selections_that_leave_the_targets_alone(selection: Selection) -> None:
    refuse_own_targets(selection, [MP3])


@pytest.mark.parametrize(
    ("selection", "target_key", "exclude"),
    [
        (Selection("audio"), MP3.target_key, "renditions/*"),
        (Selection("audio", ("renditions/",)), MP3.target_key, "renditions/*"),
        (Selection("audio", include=("*.mp3",)), MP3.target_key, "renditions/*"),
        (Selection("audio", ("incoming/",)), "{dirname}/{barename}.small.mp3", "*.mp3"),
        (Selection("audio", ("incoming/",)), "incoming/out/{barename}.mp3", "incoming/out/*"),
    ],
)
def test_a_selection_of_its_own_targets_is_refused_with_the_exclude_to_add(
    selection: Selection, target_key: str, exclude: str
) -> None:
    profile = replace(MP3, target_key=target_key)
    with pytest.raises(SelectionError) as caught:
        refuse_own_targets(selection, [profile])
    assert f"add the exclude '{exclude}'" in str(caught.value)
    assert "profile mp3" in str(caught.value)
    refuse_own_targets(replace(selection, exclude=(exclude,)), [profile])


def test_another_bucket_is_no_danger() -> None:
    refuse_own_targets(Selection("audio"), [replace(MP3, target_bucket="renditions")])


@pytest.mark.parametrize(
    ("target", "prefix"),
    [(".staging/{basename}.mp3", "staging prefix '.staging/'"), ("catalogue/{key}.mp3", "catalogue/")],
)
def test_a_profile_that_publishes_under_a_reserved_prefix_is_refused(target: str, prefix: str) -> None:
    with pytest.raises(SelectionError, match=rf"profile mp3: target key is '.*'; allowed: a key outside of .*{prefix}"):
        refuse_own_targets(Selection("audio", ("in/",)), [replace(MP3, target_key=target)])
    elsewhere = Selection("audio", ("in/",), staging="tmp/", catalogue=None)
    refuse_own_targets(elsewhere, [replace(MP3, target_key=target)])


@pytest.mark.parametrize("key", ["a.wav", "a [1]*.wav"])
def test_one_conversion_to_a_reserved_prefix_is_refused(key: str) -> None:
    single = SingleSpec(AudioConvert(f="mp3"), "other", ".staging/a.mp3")
    with pytest.raises(SelectionError, match=r"^target key is '\.staging/a\.mp3'; allowed: a key outside of"):
        refuse_own_targets(Selection("audio", (key,), include=(escape(key),)), [single])


@pytest.mark.parametrize(
    ("setting", "given", "reason"),
    [
        ("prefixes", "oss://other/in/", "prefix 'oss://other/in/' is in another bucket than 'audio'"),
        ("include", "oss://other/*.wav", r"include 'oss://other/\*.wav' is in another bucket than 'audio'"),
        ("exclude", "oss://Audio/old/*", r"exclude 'oss://Audio/old/\*' is in another bucket than 'audio'"),
        ("exclude", "https://audio.oss-cn-x.aliyuncs.com/old/*", "is an address: give the key, or oss://audio/ and"),
        ("exclude", "oss://audio", "exclude 'oss://audio' names no key: give a pattern, such as 'oss://audio/\\*'"),
        ("prefixes", "/in/", "prefix '/in/' starts with '/', but OSS keys don't: leave the slash out"),
        ("include", "/in/*.wav", r"include '/in/\*.wav' starts with '/'"),
        ("exclude", "oss://audio//old/*", r"exclude 'oss://audio//old/\*' starts with '/'"),
        ("include", "{1..2000}", "the braces of '{1..2000}' stand for more than 1000 patterns"),
        ("exclude", "{1..2000}", "the braces of '{1..2000}' stand for more than 1000 patterns"),
    ],
)
def test_what_would_silently_match_nothing_is_refused(setting: str, given: str, reason: str) -> None:
    with pytest.raises(SelectionError, match=reason):
        Selection("audio", **{setting: (given,)})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("pattern", "reaches"),
    [
        ("*.wav", True),
        ("in/*.wav", True),
        ("IN/2026/*", True),
        ("in*", True),
        ("i*", True),
        ("in/", True),
        ("{out,in}/*", True),
        ("**/old/*", True),
        ("[io]n/*", True),
        (r"\in/*", True),
        ("a.wav", False),
        ("out/*", False),
        ("{out,old}/*", False),
        (r"\*.wav", False),
    ],
)
def test_a_pattern_is_compared_with_the_prefix(pattern: str, reaches: bool) -> None:
    assert Selection("audio", ("in/", "more/"), exclude=(pattern,)).useless_excludes() == ([] if reaches else [pattern])
    if reaches:
        Selection("audio", ("in/",), include=(pattern,))
    else:
        with pytest.raises(SelectionError, match=r"matches no key below prefix 'in/': patterns are about whole keys"):
            Selection("audio", ("in/",), include=(pattern,))


@pytest.mark.parametrize("folder", ["renditions", "re[nd]itions", "{{a,b}}", "a*b"])
def test_the_exclude_that_a_refusal_names_is_good(folder: str) -> None:
    profile = replace(MP3, target_key=f"{folder}/{{dirname}}/{{barename}}.mp3")
    with pytest.raises(SelectionError) as refused:
        refuse_own_targets(Selection("audio"), [profile])
    advice = re.search(r"add the exclude ('.*'), or", str(refused.value))
    assert advice is not None
    pattern = ast.literal_eval(advice[1])
    refuse_own_targets(Selection("audio", exclude=(pattern,)), [profile])
    assert Selection("audio", exclude=(pattern,)).matches("song.mp3")
