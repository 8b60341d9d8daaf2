"""A batch larger than memory should hold goes through the later steps a page at a time, and nothing is left over."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.catalogue import State, conversions
from oss_audio_core.pipeline import staged_objects

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

PROFILES = ("voice-amr-nb", "mobile-mp3")


def test_every_page_is_verified_published_and_cleared(
    steps: Steps, wav: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.wav", "b.wav", "c.wav"):
        steps.put(name, wav())
    batch = steps.to_converted(*PROFILES)
    monkeypatch.setattr(conversions, "CHUNK", 3)
    monkeypatch.setattr(staged_objects, "CHUNK", 2)
    pages = list(conversions.pages_of_batch(steps.catalogue, batch, [State.CONVERTED]))
    assert [len(page) for page in pages] == [4, 2]
    staging = str(steps.rows()[0].output_key).rpartition("/")[0] + "/"
    assert len(steps.keys(staging)) == 6
    assert [len({one.source_id for one in page}) for page in pages] == [2, 1]
    assert steps.verify(batch) == {"verified": 6}
    assert list(conversions.pages_of_batch(steps.catalogue, batch, [State.CONVERTED])) == []
    assert steps.publish(batch) == {"published": 6}
    assert [one.output_key for one in steps.rows()] == [None] * 6
    assert steps.keys(staging) == []


def test_what_moved_meanwhile_is_on_no_page(
    steps: Steps, wav: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.wav", "b.wav"):
        steps.put(name, wav())
    batch = steps.to_converted("mobile-mp3")
    monkeypatch.setattr(conversions, "CHUNK", 1)
    pages = conversions.pages_of_batch(steps.catalogue, batch, [State.CONVERTED])
    assert len(next(pages)) == 1
    steps.verify(batch)
    assert list(pages) == [[]]
