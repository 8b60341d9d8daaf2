"""What a batch read and wrote, for lineage: one by one up to a bound, then by folder."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.pipeline import lineage_datasets as touching
from oss_audio_core.pipeline.lineage_datasets import datasets_of_batch

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

Wav = Callable[..., bytes]


@pytest.mark.parametrize("bound", [2, 100])
def test_few_objects_are_named_and_many_are_their_folder(
    steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch, bound: int
) -> None:
    monkeypatch.setattr(touching, "NAMED", bound)
    for name in ("x/a.wav", "x/ab.wav", "x/y/c.wav"):
        steps.put(name, wav(0.2))
    batch = steps.to_converted("mobile-mp3")
    assert datasets_of_batch(steps.catalogue, batch) == ([], [])
    steps.verify(batch)
    steps.publish(batch)
    places = (f"oss://{steps.bucket}/{steps.prefix}x/", f"oss://{steps.bucket}/renditions/mobile-mp3/{steps.prefix}x/")
    if bound == 2:
        assert datasets_of_batch(steps.catalogue, batch) == ([places[0]], [places[1]])
    else:
        named = [[f"{place}{name}" for name in ("a", "ab", "y/c")] for place in places]
        assert datasets_of_batch(steps.catalogue, batch) == (
            [f"{one}.wav" for one in named[0]],
            [f"{one}.mp3" for one in named[1]],
        )
