"""Whatever a message holds, its row in the inbox is short, and says where it was cut."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oss_audio_core.catalogue.task_ids import is_task_id
from oss_audio_core.pipeline.waiting.bounded_message import (
    LONGEST_BODY,
    LONGEST_REASON,
    MOST_OUTPUTS,
    BoundedMessage,
    bounded,
)
from oss_audio_core.smq import QueueMessage

TASK = {"TaskId": "MediaConvert-1", "Status": "Failed", "Code": "NoSuchKey", "Message": "no such key"}


def read(body: bytes, message_id: str = "M") -> BoundedMessage:
    return bounded("q", QueueMessage(message_id, "handle", body, 1, datetime.now(UTC)))


def of(**changes: Any) -> BoundedMessage:
    return read(json.dumps({**TASK, **changes}).encode())


def test_a_usual_message_is_kept_as_it_is() -> None:
    found = of(Sources=[{"URI": "oss://b/a.wav"}], Targets=[{"URI": "oss://b/.staging/a.mp3"}])
    assert vars(found.kept) == {
        "queue": "q",
        "message_id": "M",
        "task_id": "MediaConvert-1",
        "status": "Failed",
        "code": "NoSuchKey",
        "message": "no such key",
        "body": None,
    }
    assert found.outputs == (("oss://b/a.wav", "oss://b/.staging/a.mp3"),)


def test_what_is_too_long_is_cut_and_marked() -> None:
    kept = of(Message="x" * 50_000, Code="y" * 300).kept
    assert kept.message is not None
    assert len(kept.message) == LONGEST_REASON
    assert kept.message.endswith(" … (cut, of 50,000 characters)")
    assert kept.code is not None
    assert kept.code.endswith(" … (cut, of 300 characters)")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"TaskId": "7" * 8000}, "its TaskId has 8,000 characters, and no task's has more than 255"),
        ({"Status": "Failed" * 100}, "its Status has 600 characters"),
        ({"TaskId": 7}, "the task in the message has no usable TaskId"),
    ],
)
def test_a_message_about_no_possible_task_is_unreadable_and_kept_cut(changes: dict[str, Any], reason: str) -> None:
    kept = of(**changes, Padding="x" * 9000).kept
    assert (kept.task_id, kept.status, len(kept.body or b"")) == (None, None, LONGEST_BODY)
    assert kept.message is not None
    assert kept.message.startswith(reason)
    assert "the first 4,096 are kept" in kept.message


def test_addresses_have_a_bound_in_number_and_length() -> None:
    many = [{"URI": f"oss://b/{number}"} for number in range(2300)]
    assert len(of(Sources=many, Targets=many).outputs) == MOST_OUTPUTS
    assert of(Sources=[{"URI": "oss://b/" + "k" * 5000}], Targets=many).outputs == ()


JSON = st.recursive(st.none() | st.text() | st.integers(), st.lists)


@given(st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_message_raises(body: bytes) -> None:
    found = read(body)
    assert found.kept.task_id is None or is_task_id(found.kept.task_id)


@given(st.dictionaries(st.sampled_from([*TASK, "Sources", "Targets", "content"]), st.text() | st.lists(st.text())))
def test_no_task_raises(changes: dict[str, Any]) -> None:
    kept = of(**changes).kept
    assert len(kept.message or "") <= LONGEST_REASON
