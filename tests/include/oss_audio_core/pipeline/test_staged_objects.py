"""Staged objects that are over are removed, a page of them in one request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.pipeline import staged_objects

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Proxy, Steps


Wav = Callable[..., bytes]


def test_staging_is_cleared_in_pages(steps: Steps, wav: Wav, monkeypatch: pytest.MonkeyPatch, oss_proxy: Proxy) -> None:
    monkeypatch.setattr(staged_objects, "CHUNK", 2)
    for number in range(5):
        steps.put(f"{number}.wav", wav(0.1))
    batch = steps.to_converted("mobile-mp3")
    folder = steps.rows()[0].output_key
    assert folder is not None
    steps.verify(batch)
    steps.publish(batch, endpoint=oss_proxy.address)
    assert len([one for one in oss_proxy.requests if one.startswith("POST ") and "delete" in one]) == 3
    assert steps.keys(folder.rpartition("/")[0] + "/") == []


def test_what_an_earlier_version_staged_is_published_and_removed(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav(0.2))
    batch = steps.to_converted("mobile-mp3")
    before, uid = str(steps.row().output_key), steps.catalogue_uid
    key = before.replace(f"{uid}/", "")
    assert key != before
    bucket = steps.oss.bucket(steps.bucket)
    bucket.copy_object(steps.bucket, before, key)
    bucket.delete_object(before)
    steps.change(output_key=key)
    assert steps.verify(batch) == {"verified": 1}
    assert steps.publish(batch) == {"published": 1}
    assert steps.keys(key) == steps.keys(before) == []
    assert steps.keys(steps.row().target_key) == [steps.row().target_key]
