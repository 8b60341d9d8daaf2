"""The limits of the documentation's page "Limits", and the pages of listings."""

from __future__ import annotations

import http.client
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from mns.mns_exception import MNSServerException
from mns.queue import Message, QueueMeta
from mns.subscription import SubscriptionMeta
from mns.topic import TopicMessage, TopicMeta

from oss_local_cloud.signatures.mns import sign, string_to_sign
from oss_local_cloud.smq import tables

ENDPOINT = "acs:mns:cn-hangzhou:1000000000000001:queues/"


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.executescript(tables.SCHEMA)
    yield connection
    connection.close()


def test_the_name_of_a_deleted_queue_is_blocked_for_ten_seconds(smq: Any) -> None:
    queue = smq.account().get_queue("short")
    queue.create(QueueMeta())
    queue.send_message(Message("gone with it"))
    queue.delete()
    with pytest.raises(MNSServerException, match="QueueDeletedRecently"):
        queue.create(QueueMeta())
    smq.account().get_queue("shorter").create(QueueMeta())
    smq.restart()
    queue = smq.account().get_queue("short")
    with pytest.raises(MNSServerException, match="QueueDeletedRecently"):
        queue.create(QueueMeta())
    smq.clock.ahead += 11
    queue.create(QueueMeta())
    with pytest.raises(MNSServerException, match="MessageNotExist"):
        queue.receive_message(0)


def test_a_queue_must_take_what_the_topic_takes(smq: Any) -> None:
    account = smq.account()
    account.get_queue("small").create(QueueMeta(max_msg_size=1024))
    account.get_topic("large").create(TopicMeta())
    account.get_topic("small").create(TopicMeta(1024))
    with pytest.raises(MNSServerException, match=r"InvalidArgument.*65536"):
        account.get_subscription("large", "s").subscribe(SubscriptionMeta(ENDPOINT + "small"))
    account.get_subscription("small", "s").subscribe(SubscriptionMeta(ENDPOINT + "small"))


@pytest.mark.parametrize("size", [65536, 65537])
def test_a_message_has_sixty_four_kibibytes_at_most_in_bytes_not_characters(smq: Any, size: int) -> None:
    account = smq.account()
    queue, topic = account.get_queue("q"), account.get_topic("t")
    queue.create(QueueMeta())
    queue.set_encoding(False)
    topic.create(TopicMeta())
    body = "ä" * (size // 2) + "a" * (size % 2)
    if size == 65536:
        queue.send_message(Message(body))
        assert queue.receive_message(0).message_body == body
        topic.publish_message(TopicMessage(body))
    else:
        for send, message in ((queue.send_message, Message(body)), (topic.publish_message, TopicMessage(body))):
            with pytest.raises(MNSServerException, match=r"InvalidArgument.*65536"):
                send(message)


def test_a_batch_has_sixty_four_kibibytes_in_all(smq: Any) -> None:
    queue = smq.account().get_queue("q")
    queue.create(QueueMeta())
    queue.set_encoding(False)
    queue.batch_send_message([Message("x" * 32768), Message("y" * 32768)])
    with pytest.raises(MNSServerException, match="InvalidArgument"):
        queue.batch_send_message([Message("x" * 32768), Message("y" * 32769)])
    assert len(queue.batch_receive_message(16, 0)) == 2


def test_a_tag_of_sixteen_characters_is_taken(smq: Any) -> None:
    account = smq.account()
    account.get_queue("q").create(QueueMeta())
    topic = account.get_topic("t")
    topic.create(TopicMeta())
    account.get_subscription("t", "s").subscribe(SubscriptionMeta(ENDPOINT + "q", filter_tag="t" * 16))
    topic.publish_message(TopicMessage("m", "t" * 16))
    assert account.get_queue("q").peek_message().dequeue_count == 0


def listed(smq: Any, target: str, **headers: str) -> tuple[int, str]:
    """A listing by plain HTTP, its headers written out."""
    sent = {
        "x-mns-version": "2015-06-06",
        "date": format_datetime(datetime.fromtimestamp(smq.clock(), UTC), usegmt=True),
    }
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    sent["Authorization"] = "MNS testAK:" + sign("testSK", string_to_sign("GET", target, sent))
    connection = http.client.HTTPConnection(smq.endpoint.removeprefix("http://"), timeout=20)
    try:
        connection.request("GET", target, headers=sent)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(("target", "tag"), [("/queues", "Queue"), ("/topics", "Topic")])
def test_listings_go_page_by_page(smq: Any, target: str, tag: str) -> None:
    account = smq.account()
    names = [f"a{number}" for number in range(5)] + ["b"]
    for name in names:
        if tag == "Queue":
            account.get_queue(name).create(QueueMeta())
        else:
            account.get_topic(name).create(TopicMeta())
    found: list[str] = []
    marker = {}
    while True:
        status, document = listed(smq, target, x_mns_prefix="a", x_mns_ret_number="2", **marker)
        assert status == 200
        page = re.findall(f"<{tag}URL>{smq.endpoint}{target}/([^<]*)</{tag}URL>", document)
        assert len(page) <= 2
        found += page
        following = re.search("<NextMarker>(.*)</NextMarker>", document)
        if following is None:
            break
        marker = {"x_mns_marker": following[1]}
    assert found == names[:5]


def test_a_listing_with_meta_has_all_attributes(smq: Any) -> None:
    queue = smq.account().get_queue("q")
    queue.create(QueueMeta(vis_timeout=77))
    queue.send_message(Message("m"))
    _, plain = listed(smq, "/queues")
    _, meta = listed(smq, "/queues", x_mns_with_meta="true")
    assert "VisibilityTimeout" not in plain
    for element in ("<QueueName>q<", "<VisibilityTimeout>77<", "<ActiveMessages>1<"):
        assert element in meta


@pytest.mark.parametrize("number", ["0", "1001", "-1", "many", "1.5", ""])
def test_a_page_has_one_to_a_thousand_entries(shared_smq: Any, number: str) -> None:
    status, document = listed(shared_smq, "/queues", x_mns_ret_number=number)
    assert status == 400
    assert "<Code>InvalidArgument</Code>" in document
    assert listed(shared_smq, "/queues", x_mns_ret_number="1000")[0] == 200


@pytest.mark.parametrize(("version", "code"), [("", "MissingVersionHeader"), ("2016-01-01", "InvalidVersionHeader")])
def test_the_version_is_needed(shared_smq: Any, version: str, code: str) -> None:
    status, document = listed(shared_smq, "/queues", x_mns_version=version)
    assert status == 400
    assert f"<Code>{code}</Code>" in document
