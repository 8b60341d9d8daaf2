"""Keys of sidecars: which keys are theirs, and whose sidecar each is."""

from __future__ import annotations

import pytest

from oss_audio_core.catalogue.sidecar_keys import ENDINGS, is_sidecar, rendition_key


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_sidecar_is_known_by_its_ending(ending: str) -> None:
    assert is_sidecar(f"out/歌.mp3{ending}")
    assert rendition_key(f"out/歌.mp3{ending}") == "out/歌.mp3"


@pytest.mark.parametrize("key", ["a.mp3", "a.json", "a.png", "waveform.json", "a.waveform.json.mp3"])
def test_another_key_is_no_sidecar(key: str) -> None:
    assert not is_sidecar(key)
