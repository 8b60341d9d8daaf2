"""What a batch is asked for: refused with the parameter's name, kept as JSON, clips under names of their own."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from oss_audio_core.audio_convert import load_profiles
from oss_audio_core.pipeline.batch_request import BatchRequest, RequestError
from oss_audio_core.pipeline.candidates import Order


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"profiles": ("mobile-mp3", "no-such")}, "unknown profile 'no-such': choose from .*archive-flac"),
        ({"profiles": ()}, "no profile is named"),
        ({"start": -1}, "start is -1"),
        ({"duration": -5}, "duration is -5"),
        ({"limit": 0}, "limit is 0"),
        ({"max_attempts": 0}, "max_attempts is 0"),
        ({"staging": "/x/"}, "staging prefix '/x/'"),
        ({"staging": "x"}, "staging prefix 'x'"),
    ],
)
def test_a_breach_names_the_parameter(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(RequestError, match=reason):
        BatchRequest(**{"bucket": "audio", "profiles": ("mobile-mp3",), **changes}).specs()


def test_a_request_survives_json() -> None:
    request = BatchRequest(
        bucket="audio",
        prefixes=("a/", "b/"),
        include=("*.wav",),
        exclude=("x*",),
        profiles=("mobile-mp3",),
        start=1000,
        min_size=1,
        modified_from=datetime(2026, 11, 21, 12, tzinfo=UTC),
        modified_before=datetime(2026, 11, 22, 2, tzinfo=timezone(timedelta(hours=8))),
        order=Order.NEWEST,
        limit=5,
        force=True,
    )
    assert BatchRequest.from_json(json.loads(json.dumps(request.to_json()))) == request


def test_a_clip_never_stands_where_the_whole_rendition_belongs() -> None:
    whole = load_profiles()["mobile-mp3"]
    (clip,) = BatchRequest("audio", profiles=("mobile-mp3",), start=10_000, duration=60_000).specs()
    assert (clip.convert.ss, clip.convert.t) == (10_000, 60_000)
    assert clip.name != whole.name
    assert clip.target_for("audio", "a/b.wav") == (
        "audio",
        "renditions/mobile-mp3.clip-10000-70000/a/b.clip-10000-70000.mp3",
    )
    assert clip.digest() != whole.digest()


def test_a_target_bucket_overrides_the_profiles_own() -> None:
    (moved,) = BatchRequest("audio", profiles=("mobile-mp3",), target_bucket="elsewhere").specs()
    assert moved.target_for("audio", "a.wav")[0] == "elsewhere"


def test_one_rendition_that_is_no_profile() -> None:
    single = {"convert": "audio/convert,f_aac,ab_96000", "bucket": "out", "key": "dest.aac"}
    (spec,) = BatchRequest("audio", single=single).specs()
    assert spec.target_for("audio", "whatever.wav") == ("out", "dest.aac")
    assert (spec.convert.f, spec.publish) == ("aac", "direct")


def test_addresses_in_the_bucket_become_keys() -> None:
    given = BatchRequest("audio", ("oss://audio/in/",), ("oss://audio/in/*.wav",), ("oss://audio/in/old/*", "*.tmp"))
    keys = BatchRequest("audio", ("in/",), ("in/*.wav",), ("in/old/*", "*.tmp"))
    assert given.with_keys() == keys.with_keys() == keys
