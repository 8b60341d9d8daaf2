"""Whatever lies in the queue, the decoder gives a task notification or says UndecodableMessage; nothing else."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from oss_audio_core.smq import TaskNotification, UndecodableMessage, decode

NAMES = st.sampled_from(
    ["TaskId", "Status", "Code", "Message", "TaskType", "content", "data", "data_base64", "events", "x"]
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("Succeeded"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def wrap(value: Any, layers: list[int]) -> bytes:
    """A value as JSON, wrapped in some of the known ways."""
    text = json.dumps(value)
    for layer in layers:
        if layer == 0:
            text = base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
        elif layer == 1:
            text = json.dumps({"Message": text})
        elif layer == 2:
            text = json.dumps({"content": text})
        else:
            text = f"<Notification><Message>{text}</Message></Notification>"
    return text.encode("utf-8", "surrogatepass")


def sound(body: bytes) -> None:
    with contextlib.suppress(UndecodableMessage):
        found = decode(body)
        assert isinstance(found, TaskNotification)
        assert found.task_id.strip()
        assert found.status.strip()
        for text in (found.task_id, found.status, found.code, found.message, found.task_type):
            text.encode()  # no lone surrogate
            assert "\x00" not in text


@given(st.binary())
@example(b'<?xml version="1.0" encoding="utf-7"?><a/>')
@example(b'<?xml version="1.0" encoding="nonsense"?><a/>')
@example(b"<a>\x00</a>")
@example(b"AAAA")
@example(b"=")
def test_any_bytes(body: bytes) -> None:
    sound(body)


@given(st.text().map(str.encode) | st.from_regex(r"[<{\[][\s\S]{0,40}").map(lambda t: t.encode("utf-8", "replace")))
def test_any_text(body: bytes) -> None:
    sound(body)


@given(VALUES, st.lists(st.integers(0, 3), max_size=6))
def test_any_json_in_any_wrapping(value: Any, layers: list[int]) -> None:
    sound(wrap(value, layers))


@given(
    st.text(min_size=1).filter(lambda t: bool(t.strip()) and "\x00" not in t),
    st.sampled_from(["Succeeded", "Failed"]),
    st.lists(st.integers(0, 2), max_size=4),
)
def test_a_task_is_found_in_any_wrapping(task_id: str, status: str, layers: list[int]) -> None:
    found = decode(wrap({"TaskId": task_id, "Status": status}, layers))
    assert (found.task_id, found.status) == (task_id, status)
