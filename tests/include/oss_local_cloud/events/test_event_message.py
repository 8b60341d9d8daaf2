"""The body of an event message and the headers about it."""

from __future__ import annotations

import base64
import json
from typing import Any

from oss_local_cloud.events.event_message import WrittenObject, event_text, status_headers
from oss_local_cloud.events.event_rules import EventRule
from oss_local_cloud.events.write_origin import WriteOrigin

RULE = EventRule("new", "audio", "uploads")
WRITTEN = WrittenObject("audio", "in/ä.wav", "ETAG", size=7, delta=4, moment=0.5)


def decoded(text: str) -> Any:
    return json.loads(base64.b64decode(text, validate=True))


def test_an_event_describes_the_object_the_rule_and_the_request() -> None:
    (event,) = decoded(event_text(WRITTEN, WriteOrigin("PutObject", "REQUEST", "10.0.0.1"), RULE, "local-1"))["events"]
    assert event["eventName"] == "ObjectCreated:PutObject"
    assert event["eventTime"] == "1970-01-01T00:00:00.500Z"
    assert event["oss"]["object"] == {"deltaSize": 4, "eTag": "ETAG", "key": "in/ä.wav", "size": 7}
    assert event["oss"]["ruleId"] == "new"
    assert event["oss"]["bucket"]["arn"].startswith("acs:oss:local-1:")
    assert event["requestParameters"] == {"sourceIPAddress": "10.0.0.1"}
    assert event["responseElements"] == {"requestId": "REQUEST"}


def test_the_event_of_an_append_has_the_position() -> None:
    (event,) = decoded(event_text(WRITTEN, WriteOrigin("AppendObject"), RULE, "local-1"))["events"]
    assert event["oss"]["object"]["position"] == 3


def test_the_headers_carry_success_or_the_reason() -> None:
    success, failure = status_headers(None), status_headers("TopicNotExist")
    assert decoded(success["x-oss-process-status"])["code"] == "Success"
    assert decoded(success["x-oss-event-status"]) == {"Result": "Ok"}
    assert decoded(failure["x-oss-process-status"])["message"] == "TopicNotExist"
    assert decoded(failure["x-oss-event-status"]) == {"Result": "TopicNotExist"}
