"""From a process string to a conversion and its target, refused with IMM's messages."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest

from oss_local_cloud.imm import submit_requests
from oss_local_cloud.interfaces import ImmClientError, ObjectInfo

SOURCE = ObjectInfo("audio", "in/a.wav", "E", 1, datetime(2024, 1, 2, tzinfo=UTC), "", 0, "", {"kind": "talk"}, {})


def process(target: str, bucket: str = "") -> str:
    encoded = base64.urlsafe_b64encode(target.encode()).decode().rstrip("=")
    return f"audio/convert,f_mp3|sys/saveas,o_{encoded}{bucket}"


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("out/b.mp3", "out/b.mp3"),
        ("out/{barename}", "out/a.mp3"),
        ("{tags.kind}/{streamindex}-{index}.{autoext}", "talk/0-1.mp3"),
    ],
)
def test_the_variables_of_a_target_are_replaced(target: str, key: str) -> None:
    saveas = submit_requests.parse(process(target)).saveas
    assert saveas is not None
    assert submit_requests.resolve(saveas, SOURCE, "mp3", 0) == submit_requests.Target("audio", key)


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        ("audio/convert,f_mp3", 400, "InvalidArgument, [target]:is required."),
        ("video/convert,f_mp4|sys/saveas,o_YQ", 404, "resource Route is not found"),
        ("audio/convert,f_mp5|sys/saveas,o_YQ", 400, "InvalidArgument, [f]"),
    ],
)
def test_an_invalid_process_string_is_refused(text: str, status: int, message: str) -> None:
    with pytest.raises(ImmClientError) as refused:
        submit_requests.parse(text)
    assert refused.value.status == status
    assert message in refused.value.message


def test_the_conversion_of_an_accepted_string_is_read() -> None:
    assert submit_requests.conversion(process("a")).format.extension == "mp3"
