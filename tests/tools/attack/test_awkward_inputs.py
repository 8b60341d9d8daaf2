"""Hostile files, keys and messages: the same for the same seed, and as different as they claim."""

from __future__ import annotations

import random

import pytest

from tools.attack.awkward_audio import SHAPES, mutated, pcm, wave_file
from tools.attack.awkward_keys import LONGEST, awkward_keys
from tools.attack.awkward_messages import MOST_BYTES, awkward_message


def test_mutations_differ_from_their_original_and_repeat_with_their_seed() -> None:
    content = wave_file(pcm())
    first = [mutated(content, random.Random(seed)) for seed in range(200)]
    assert first == [mutated(content, random.Random(seed)) for seed in range(200)]
    assert len(set(first)) > 190
    assert sum(one == content for one in first) < 10
    assert all(first)


@pytest.mark.parametrize("name", ["flipped exponent bit", "64 channels"])
def test_a_shape_is_a_wav_file(name: str) -> None:
    content = SHAPES[name]()
    assert content[:4] == b"RIFF"
    assert content[8:12] == b"WAVE"


def test_keys_are_different_and_fit() -> None:
    keys = awkward_keys(500, random.Random(1))
    assert len(set(keys)) == 500
    assert all(0 < len(key.encode()) <= LONGEST + 10 for key in keys)
    joined = "".join(keys)
    assert all(character in joined for character in "\x00\x1b\u202e😀\n%")


def test_messages_fit_into_a_queue_and_call_known_tasks_failed() -> None:
    chance = random.Random(1)
    messages = [awkward_message(["MediaConvert-known"], chance) for _ in range(500)]
    assert max(len(one.encode("utf-8", "replace")) for one in messages) <= MOST_BYTES
    assert any('"MediaConvert-known", "Status": "Failed"' in one for one in messages)
    assert any('"TaskId": "7777' in one for one in messages)
    assert any(one.count('"URI"') >= 2000 for one in messages)
