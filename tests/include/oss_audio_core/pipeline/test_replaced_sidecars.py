"""A replaced rendition's sidecars are removed if the catalogue wrote them; what stands at their keys else stays."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.audio_convert import AudioConvert, Profile
from oss_audio_core.audio_convert.verify_policy import VerifyPolicy

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps

Wav = Callable[..., bytes]


def profile(folder: str, *, publish: str = "staged", waveform: str = "beside") -> Profile:
    return Profile(
        name="flac",
        description="",
        convert=AudioConvert(f="flac"),
        target_key=f"{folder}/{{dirname}}/{{barename}}.flac",
        publish=publish,  # type: ignore[arg-type]
        verify=VerifyPolicy.from_texts({"waveform": waveform}),
    )


def publish(steps: Steps, wanted: Profile) -> None:
    batch = steps.to_converted(profiles=[wanted], force=True)
    assert steps.verify(batch, wanted) == {"verified": 1}
    assert steps.publish(batch) == {"published": 1}


@pytest.mark.parametrize("mode", ["staged", "direct"])
def test_a_sidecar_has_the_tag_of_the_catalogue(steps: Steps, wav: Wav, mode: str) -> None:
    steps.put("a.wav", wav(0.5))
    publish(steps, profile("out", publish=mode))
    tags = steps.oss.bucket(steps.bucket).get_object_tagging(f"out/{steps.prefix}a.flac.waveform.json")
    assert tags.tag_set.tagging_rule["catalogue"] == steps.catalogue_uid


def test_the_sidecar_of_a_replaced_rendition_is_removed(steps: Steps, wav: Wav) -> None:
    steps.put("a.wav", wav(0.5))
    publish(steps, profile("out"))
    publish(steps, profile("out", waveform="off"))
    assert steps.keys(f"out/{steps.prefix}") == [f"out/{steps.prefix}a.flac"]


@pytest.mark.parametrize("tags", ["", "catalogue=ffffffffffff"], ids=["no tag", "the tag of another catalogue"])
def test_what_something_else_wrote_to_its_key_stays(steps: Steps, wav: Wav, tags: str) -> None:
    steps.put("a.wav", wav(0.5))
    publish(steps, profile("out"))
    sidecar = f"out/{steps.prefix}a.flac.waveform.json"
    headers = {"x-oss-tagging": tags} if tags else {}
    steps.oss.bucket(steps.bucket).put_object(sidecar, b"drawn by hand", headers=headers)
    publish(steps, profile("out", waveform="off"))
    assert steps.get(sidecar).read() == b"drawn by hand"
