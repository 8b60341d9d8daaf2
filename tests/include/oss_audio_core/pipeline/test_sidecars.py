"""Where sidecars are copied to, and which keys they were staged at."""

from __future__ import annotations

import pytest

from oss_audio_core.catalogue.sidecar_keys import ENDINGS
from oss_audio_core.pipeline.sidecars import final_sidecar_key, staged_sidecar_keys


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_staged_sidecar_keeps_its_ending_at_the_final_key(ending: str) -> None:
    staged, final = f".staging/u/0/7-1.mp3{ending}", f"out/歌.mp3{ending}"
    assert final_sidecar_key("out/歌.mp3", staged) == final


@pytest.mark.parametrize("key", ["a.mp3", "a.json", "a.png", "waveform.json", "a.waveform.json.mp3"])
def test_another_key_is_no_sidecar(key: str) -> None:
    with pytest.raises(ValueError, match=r"is no sidecar: its key ends with none of \.waveform\.json"):
        final_sidecar_key("out/a.mp3", key)


def test_staged_keys_come_from_the_stored_measures() -> None:
    assert staged_sidecar_keys(None) == staged_sidecar_keys({}) == staged_sidecar_keys({"side": {}}) == []
    measured = {"side": {"waveform": "s/1-1.mp3.waveform.json", "picture": "s/1-1.mp3.waveform.png"}}
    assert staged_sidecar_keys(measured) == ["s/1-1.mp3.waveform.json", "s/1-1.mp3.waveform.png"]
