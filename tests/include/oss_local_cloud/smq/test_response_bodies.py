"""Bodies of SMQ responses have the elements that the SDKs require."""

from __future__ import annotations

from xml.etree import ElementTree

from oss_local_cloud.smq import response_bodies
from oss_local_cloud.smq.errors import message_not_exist
from oss_local_cloud.smq.messages import Message, Sent

MESSAGE = Message("ID", "body", "MD5", 8, {}, 1, 2, 3, 4, "HANDLE")


def fields(document: bytes) -> dict[str, str]:
    return {node.tag.rpartition("}")[2]: node.text or "" for node in ElementTree.fromstring(document).iter()}


def test_a_peek_has_no_handle() -> None:
    received = fields(response_bodies.received([MESSAGE], batch=False, peeked=False))
    peeked = fields(response_bodies.received([MESSAGE], batch=False, peeked=True))
    assert (received["ReceiptHandle"], received["NextVisibleTime"]) == ("HANDLE", "4")
    assert received.keys() - peeked.keys() == {"ReceiptHandle", "NextVisibleTime"}


def test_a_batch_is_a_list_of_messages() -> None:
    sent = [Sent("1", "A"), Sent("2", "B")]
    assert response_bodies.sent(sent, batch=True).count(b"<Message>") == 2
    assert b"<Messages" not in response_bodies.sent(sent[:1], batch=False)


def test_an_error_has_all_four_elements() -> None:
    error = fields(response_bodies.error(message_not_exist(), "REQUEST", "host:1"))
    assert error["Code"] == "MessageNotExist"
    assert error["Message"]
    assert (error["RequestId"], error["HostId"]) == ("REQUEST", "http://host:1")


def test_a_page_has_a_marker_only_when_another_follows() -> None:
    assert b"NextMarker" not in response_bodies.listing("Queues", "Queue", [{"QueueURL": "u"}], None)
    assert b"<NextMarker>n</NextMarker>" in response_bodies.listing("Queues", "Queue", [{"QueueURL": "u"}], "n")


def test_handles_that_were_not_deleted_are_named_with_the_reason() -> None:
    document = fields(response_bodies.undeleted({"H": message_not_exist()}))
    assert (document["ErrorCode"], document["ReceiptHandle"]) == ("MessageNotExist", "H")
