"""Specs of clips and of single conversions: their names, targets and digests."""

from __future__ import annotations

import pytest

from oss_audio_core.audio_convert import AudioConvert, load_profiles
from oss_audio_core.pipeline.rendition_spec import SingleSpec, clip, clipped, is_single, target_bucket, unclipped


def test_a_clip_has_a_name_and_a_target_of_its_own() -> None:
    profile = load_profiles()["mobile-mp3"]
    part = clip(profile, 1000, 500)
    assert part.name == clipped("mobile-mp3", 1000, 500) == "mobile-mp3.clip-1000-1500"
    assert part.target_for("media", "in/a.wav") != profile.target_for("media", "in/a.wav")
    assert (part.convert.ss, part.convert.t) == (1000, 500)
    assert part.digest() != profile.digest()
    assert clip(profile, 0, 0) == profile


@pytest.mark.parametrize(
    ("name", "profile"),
    [("a", "a"), ("a.clip-0-500", "a"), ("a.clip-10-end", "a"), ("a.clip-x", "a.clip-x")],
)
def test_the_profile_of_a_clip(name: str, profile: str) -> None:
    assert unclipped(name) == profile


def test_a_single_conversion_is_named_after_its_target() -> None:
    spec, other = (SingleSpec(AudioConvert(f="mp3"), "out", key) for key in ("a.mp3", "b.mp3"))
    assert spec.name == "oss://out/a.mp3"
    assert is_single(spec.name)
    assert not is_single("mobile-mp3")
    assert spec.digest() != other.digest()
    assert spec.target_for("media", "in/a.wav") == ("out", "a.mp3")
    assert target_bucket(spec, "media") == "out"
