"""Tags of renditions and sidecars, as OSS takes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from oss_audio_core.pipeline.object_tags import rendition_tags, sidecar_tags, tagging

if TYPE_CHECKING:
    from tests.include.oss_audio_core.pipeline.conftest import Steps


@pytest.mark.parametrize(("profile", "tagged"), [("a b+c=d", True), ("歌", False), ("x" * 257, False)])
def test_values_that_oss_refuses_are_left_out(
    steps: Steps, wav: Callable[..., bytes], profile: str, tagged: bool
) -> None:
    steps.put("a.wav", wav(0.1))
    steps.plan("mobile-mp3")
    tags = rendition_tags(replace(steps.row(), profile=profile), "0123456789ab")
    assert ("profile" in tags) is tagged
    bucket = steps.oss.bucket(steps.bucket)
    for number, these in enumerate((tags, sidecar_tags(steps.row(), "0123456789ab"))):
        bucket.put_object(f"{steps.prefix}{number}", b"x", headers=tagging(these))
        assert bucket.get_object_tagging(f"{steps.prefix}{number}").tag_set.tagging_rule == these
        assert these["catalogue"] == "0123456789ab"
