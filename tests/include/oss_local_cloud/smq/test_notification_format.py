"""What a subscription's NotifyContentFormat makes of a published message."""

from __future__ import annotations

import json

from oss_local_cloud.smq.attributes import SubscriptionAttributes
from oss_local_cloud.smq.messages import Sent
from oss_local_cloud.smq.notification_format import queue_body
from oss_local_cloud.smq.tables import Stored
from oss_local_cloud.smq.xml import parse


def formatted(content_format: str, tag: str = "") -> str:
    attributes = SubscriptionAttributes("acs:mns:r:1:queues/q", notify_content_format=content_format)
    return queue_body("t", Stored("s", 0, 0, attributes), Sent("ID", "MD5"), "a<b", tag, 7)


def test_simplified_is_the_body_itself() -> None:
    assert formatted("SIMPLIFIED") == "a<b"


def test_json_and_xml_have_the_same_fields() -> None:
    as_json = json.loads(formatted("JSON", tag="tag"))
    assert as_json["Message"] == "a<b"
    assert (as_json["TopicName"], as_json["SubscriptionName"], as_json["MessageId"]) == ("t", "s", "ID")
    assert parse(formatted("XML", tag="tag").encode(), "Notification").fields() == as_json


def test_a_message_without_a_tag_has_no_tag_field() -> None:
    assert "MessageTag" not in json.loads(formatted("JSON"))
    assert "MessageTag" not in formatted("XML")
