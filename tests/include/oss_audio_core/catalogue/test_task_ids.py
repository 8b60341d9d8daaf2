"""TaskIds that a catalogue stores."""

from __future__ import annotations

import pytest

from oss_audio_core.catalogue.task_ids import LONGEST_TASK_ID, is_task_id


@pytest.mark.parametrize(
    "value", ["MediaConvert-2e3a6a3c-4b8c-4d5e-9f00-6e1f6f1c6d7a", "1", "T" * LONGEST_TASK_ID, "歌"]
)
def test_a_task_id(value: str) -> None:
    assert is_task_id(value)


@pytest.mark.parametrize(
    "value", ["", "  ", "7" * 8000, "T" * (LONGEST_TASK_ID + 1), "a\x00", "\ud800", 7, None, ["T"]]
)
def test_no_task_id(value: object) -> None:
    assert not is_task_id(value)
