"""What stands at targets, by as few listing pages as their order allows."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.pipeline import target_look
from oss_audio_core.pipeline.target_look import TargetLook, standing_objects

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Proxy, Steps


def put(steps: Steps, *keys: str) -> None:
    for key in keys:
        steps.oss.bucket(steps.bucket).put_object(key, key.encode())


def stand_there(steps: Steps, keys: list[str], proxy: Proxy) -> dict[str, int]:
    """The standing objects' sizes by key; `proxy` counts the pages."""
    bucket = replace(steps.oss, endpoint=proxy.address).bucket(steps.bucket)
    ordered = sorted(keys, key=str.encode)
    found = list(standing_objects(bucket, iter(ordered), len(ordered)))
    assert [one.key for one in found] == [key for key in ordered if key in {one.key for one in found}]
    for one in found:
        head = steps.oss.bucket(steps.bucket).head_object(one.key)
        assert (one.etag, one.modified_at and one.modified_at.timestamp()) == (head.etag, head.last_modified)
    return {one.key: one.size for one in found}


def test_targets_that_lie_together_cost_a_page_for_as_many_objects(
    steps: Steps, oss_proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target_look, "PAGE", 10)
    there = [f"{steps.prefix}dense/{number:03}.mp3" for number in range(40)]
    put(steps, *there)
    absent = [f"{steps.prefix}dense/{number:03}.aac" for number in range(40)]
    assert stand_there(steps, [*there, *absent], oss_proxy) == {key: len(key) for key in there}
    assert len(oss_proxy.requests) <= 5


def test_targets_where_nothing_stands_cost_one_page(steps: Steps, oss_proxy: Proxy) -> None:
    wanted = [f"\U0010ffff{steps.prefix}{number:05}.mp3" for number in range(5000)]
    assert stand_there(steps, wanted, oss_proxy) == {}
    assert len(oss_proxy.requests) == 1


def test_a_single_target_costs_a_page_of_one_object(steps: Steps, oss_proxy: Proxy) -> None:
    put(steps, f"{steps.prefix}a.mp3", f"{steps.prefix}b.mp3")
    assert stand_there(steps, [f"{steps.prefix}a.mp3"], oss_proxy) == {f"{steps.prefix}a.mp3": len(steps.prefix) + 5}
    assert stand_there(steps, [f"{steps.prefix}a.mp4"], oss_proxy) == {}
    assert all("max-keys=1&" in line for line in oss_proxy.requests)


def test_targets_that_lie_far_apart_cost_at_most_a_small_page_each(
    steps: Steps, oss_proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target_look, "PAGE", 16)
    monkeypatch.setattr(target_look, "SPARSE_PAGE", 2)
    put(steps, *(f"{steps.prefix}{folder}/{number:02}.wav" for folder in "abcdef" for number in range(20)))
    wanted = [f"{steps.prefix}{folder}/10.wav" for folder in "abcdef"]
    assert set(stand_there(steps, wanted, oss_proxy)) == set(wanted)
    assert len(oss_proxy.requests) == len(wanted)
    assert "max-keys=2&" in oss_proxy.requests[-2]


@pytest.mark.parametrize("seed", range(3))
def test_awkward_keys_are_told_apart(
    steps: Steps, oss_proxy: Proxy, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(target_look, "PAGE", 5)
    chosen = random.Random(seed)
    letters = [
        "a",
        "b",
        "A",
        " ",
        "\x1f",
        "!",
        "é",
        "歌",
        "\ue000",
        "\ufffd",
        "😀",
        "\U0010fffd",
        "'",
        "&",
        "%20",
        "\t",
    ]
    names = {"".join(chosen.choices(letters, k=chosen.randint(1, 4))) for _ in range(60)}
    keys = [f"{steps.prefix}{name}" for name in sorted(names)]
    there = set(chosen.sample(keys, len(keys) // 2))
    put(steps, *there)
    assert set(stand_there(steps, keys, oss_proxy)) == there


def test_each_target_is_kept_with_those_that_want_it(steps: Steps) -> None:
    with TargetLook(steps.catalogue, None) as look:
        assert look.is_empty
        look.want("mp3", {"a.wav": ("b", "a.mp3"), "c.wav": ("b", "c.mp3")})
        look.want("mp3", {"a.flac": ("b", "a.mp3")})
        look.want("mp3", {"a.aac": ("b", "a.mp3")})
        look.look()
        found = look.find([("b", "a.mp3"), ("b", "c.mp3"), ("elsewhere", "a.mp3")])
    assert found.keys() == {("b", "a.mp3"), ("b", "c.mp3")}
    shared = found["b", "a.mp3"]
    assert (shared.source, shared.rival, shared.rival_profile, shared.occupant) == ("a.wav", "a.flac", "mp3", None)
    assert found["b", "c.mp3"].rival is None


def test_what_is_not_the_catalogues_own_is_kept_as_a_sentence(steps: Steps) -> None:
    put(steps, f"{steps.prefix}a.mp3")
    targets = {name: (steps.bucket, f"{steps.prefix}{name}.mp3") for name in "ab"}
    with TargetLook(steps.catalogue, steps.oss) as look:
        look.want("mp3", targets)
        look.look()
        found = look.find(targets.values())
    assert f"at oss://{steps.bucket}/{steps.prefix}a.mp3 stands an object" in (found[targets["a"]].occupant or "")
    assert found[targets["b"]].occupant is None
