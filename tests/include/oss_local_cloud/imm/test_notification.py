"""The notification of a task that has ended."""

from __future__ import annotations

import json

import pytest

from oss_local_cloud.imm import notification
from oss_local_cloud.imm.tasks import FAILED, SUCCEEDED, Task


def task(status: str) -> Task:
    return Task("T", "E", "R", "P", "b", "in/ä.wav", "proc", "b", "out.mp3", "t", 0, 1, status, "C", "M", 1500)


def test_a_success_names_source_and_target() -> None:
    envelope = json.loads(notification.body(task(SUCCEEDED), "local-1"))
    assert (envelope["id"], envelope["source"], envelope["time"]) == ("E", "acs.imm", "1500")
    content = json.loads(envelope["content"])
    assert (content["TaskId"], content["Status"], content["EndTime"]) == ("T", SUCCEEDED, "1970-01-01T00:00:01.5Z")
    assert content["Sources"][0]["URI"] == "oss://b/in/ä.wav"
    assert content["Targets"] == [{"URI": "oss://b/out.mp3"}]


def test_a_failure_has_its_code_and_no_target() -> None:
    content = notification.content(task(FAILED))
    assert (content["Code"], content["Message"]) == ("C", "M")
    assert "Targets" not in content


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, ""), (0, "1970-01-01T00:00:00Z"), (360, "1970-01-01T00:00:00.36Z"), (1001, "1970-01-01T00:00:01.001Z")],
)
def test_times_are_rfc_3339_in_utc(milliseconds: int | None, text: str) -> None:
    assert notification.moment(milliseconds) == text
