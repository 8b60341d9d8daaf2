"""A final key is written only where it is absent or the catalogue's own; the last look and the write's condition."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.catalogue import own_objects
from oss_audio_core.catalogue.own_objects import OwnReason
from oss_audio_core.pipeline.final_keys import FinalKeys, TargetOccupied
from oss_audio_core.pipeline.object_tags import sidecar_tags, tagging

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Proxy, Steps

Wav = Callable[..., bytes]


def put(steps: Steps, key: str, content: bytes = b"an original", **headers: str) -> str:
    etag: str = steps.oss.bucket(steps.bucket).put_object(key, content, headers=headers).etag
    return etag


def write(steps: Steps, key: str, *, through: Proxy | None = None) -> list[dict[str, str]]:
    """Write b"ours" to a final key. Returns the conditions of each try."""
    conditions: list[dict[str, str]] = []
    oss = steps.oss if through is None else replace(steps.oss, endpoint=through.address)

    def request(condition: Mapping[str, str]) -> None:
        conditions.append(dict(condition))
        oss.bucket(steps.bucket).put_object(key, b"ours", headers=dict(condition))

    FinalKeys(steps.catalogue, oss).write(steps.bucket, key, request)
    return conditions


def content(steps: Steps, key: str) -> bytes:
    found: bytes = steps.get(key).read()
    return found


def test_an_absent_key_is_written_under_the_condition_that_it_is_absent(steps: Steps) -> None:
    key = f"{steps.prefix}a.mp3"
    assert write(steps, key) == [{"x-oss-forbid-overwrite": "true"}]
    assert content(steps, key) == b"ours"


def test_what_stands_there_is_kept_and_named_with_both_remedies(steps: Steps) -> None:
    key = f"{steps.prefix}it's a b.mp3"
    etag = put(steps, key)
    with pytest.raises(TargetOccupied) as caught:
        write(steps, key)
    sentence = str(caught.value)
    assert (
        f"at oss://{steps.bucket}/{key} stands an object that is not this catalogue's (11 bytes, written 20" in sentence
    )
    assert f"ETag {etag}): give the rendition another target" in sentence
    assert sentence.endswith(f"""oss-audio catalogue take-over 'oss://{steps.bucket}/{steps.prefix}it'"'"'s a b.mp3'""")
    assert content(steps, key) == b"an original"


def test_a_recorded_object_is_written_over_and_another_one_at_its_key_is_not(steps: Steps) -> None:
    key = f"{steps.prefix}a.mp3"
    etag = put(steps, key)
    with steps.catalogue.write() as connection:
        own_objects.record(connection, steps.bucket, {key: etag}, OwnReason.TAKEN_OVER)
    assert write(steps, key) == [{}]
    put(steps, key, b"put there since")
    with pytest.raises(TargetOccupied):
        write(steps, key)
    assert content(steps, key) == b"put there since"


def test_an_object_that_appears_between_the_look_and_the_write_survives(steps: Steps, oss_proxy: Proxy) -> None:
    key = f"{steps.prefix}a.mp3"

    def meanwhile(answer: bytes) -> bytes:
        put(steps, key)
        return answer

    oss_proxy.spoil(b"HEAD ", meanwhile)
    with pytest.raises(TargetOccupied):
        write(steps, key, through=oss_proxy)
    assert content(steps, key) == b"an original"
    assert [line.split()[0] for line in oss_proxy.requests] == ["HEAD", "PUT", "HEAD"]


def test_tags_prove_an_own_object_only_at_a_target_of_the_source_that_they_name(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav(0.1))
    steps.put("b.wav", wav(0.2))
    steps.plan()
    first, second = steps.rows()
    own, foreign = sidecar_tags(first, steps.catalogue_uid), sidecar_tags(first, "0123456789ab")
    elsewhere = f"{steps.prefix}no-target.mp3"
    cases = [(first.target_key, own, True), (first.target_key, foreign, False), (first.target_key, {}, False)]
    cases += [
        (f"{first.target_key}.waveform.json", own, True),
        (second.target_key, own, False),
        (elsewhere, own, False),
    ]
    for key, tags, is_own in cases:
        put(steps, key, **(tagging(tags) if tags else {}))
        if is_own:
            assert write(steps, key) == [{}]
            steps.oss.bucket(steps.bucket).delete_object(key)
        else:
            with pytest.raises(TargetOccupied):
                write(steps, key)


def test_a_source_is_never_written_over_whatever_its_tags_say(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav(0.1))
    steps.plan()
    one = steps.row()
    # A copy of a rendition has its tags. Here it is a source of its own, at a key that is a target, too.
    put(steps, one.target_key, wav(0.3), **tagging(sidecar_tags(one, steps.catalogue_uid)))
    steps.prefix, before = one.target_key, steps.prefix
    steps.plan(profiles=[replace(steps.profile, name="again", target_key="again/{key}.mp3")])
    steps.prefix = before
    with pytest.raises(TargetOccupied, match=r"is itself a source .*: give the rendition another target$"):
        write(steps, one.target_key)


def test_an_object_that_was_taken_over_and_is_a_source_since_stays(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav(0.1))
    steps.plan()
    one = steps.row()
    etag = put(steps, one.target_key, wav(0.3))
    with steps.catalogue.write() as connection:
        own_objects.record(connection, steps.bucket, {one.target_key: etag}, OwnReason.TAKEN_OVER)
    steps.prefix, before = one.target_key, steps.prefix
    steps.plan(profiles=[replace(steps.profile, name="again", target_key="again/{key}.mp3")])
    steps.prefix = before
    with pytest.raises(TargetOccupied, match="is itself a source"):
        write(steps, one.target_key)
    assert content(steps, one.target_key) == wav(0.3)


def test_a_write_that_is_repeated_after_a_lost_answer_finds_its_own_object(
    steps: Steps, wav: Wav, oss_proxy: Proxy
) -> None:
    steps.put("a.wav", wav(0.2))
    batch = steps.to_converted("mobile-mp3")
    steps.verify(batch)
    oss_proxy.spoil(b"x-oss-copy-source", lambda _: b"")
    assert steps.publish(batch, endpoint=oss_proxy.address) == {"published": 1}
    copies = [line for line in oss_proxy.requests if line.startswith("PUT ")]
    assert len(copies) == 2
