"""SMQ as the unmodified aliyun-mns-sdk uses it, over a real socket."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from mns.mns_exception import MNSServerException
from mns.queue import Message, QueueMeta
from mns.subscription import SubscriptionMeta
from mns.topic import TopicMessage, TopicMeta

# The SDK marks three of the attributes it reads itself as deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated function:DeprecationWarning")

ENDPOINT = "acs:mns:cn-hangzhou:1000000000000001:queues/"


@pytest.fixture
def queue(smq: Any) -> Any:
    queue = smq.account().get_queue("nightly")
    queue.create(QueueMeta())
    return queue


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def refused(code: str) -> Any:
    return pytest.raises(MNSServerException, match=code)


def test_a_queue_is_made_read_changed_listed_and_deleted(smq: Any) -> None:
    account = smq.account()
    queue = account.get_queue("nightly")
    assert queue.create(QueueMeta(vis_timeout=45, polling_wait_sec=3)) == f"{smq.endpoint}/queues/nightly"
    assert queue.create(QueueMeta(vis_timeout=45, polling_wait_sec=3)) == f"{smq.endpoint}/queues/nightly"
    with refused("QueueAlreadyExist"):
        queue.create(QueueMeta(vis_timeout=46))
    attributes = queue.get_attributes()
    assert (attributes.visibility_timeout, attributes.polling_wait_seconds) == (45, 3)
    assert attributes.message_retention_period == 345600
    assert abs(attributes.create_time - time.time()) < 60

    queue.set_attributes(QueueMeta(vis_timeout=60))
    assert queue.get_attributes().visibility_timeout == 60
    assert queue.get_attributes().polling_wait_seconds == 3

    for name in ("nightly-b", "nightly-c", "other"):
        account.get_queue(name).create(QueueMeta())
    urls, marker = account.list_queue(prefix="nightly", ret_number=2)
    assert [url.rpartition("/")[2] for url in urls] == ["nightly", "nightly-b"]
    urls, marker = account.list_queue(prefix="nightly", ret_number=2, marker=marker)
    assert ([url.rpartition("/")[2] for url in urls], marker) == (["nightly-c"], "")
    assert len(account.list_queue()[0]) == 4

    queue.delete()
    with refused("QueueNotExist"):
        queue.get_attributes()


def test_messages_go_through_with_the_sdks_own_base64_and_come_back_once(queue: Any) -> None:
    sent = queue.send_message(Message("你好 & <märchen>"))
    assert sent.message_id
    received = queue.receive_message(0)
    assert received.message_body.decode() == "你好 & <märchen>"
    assert (received.dequeue_count, received.priority) == (1, 8)
    assert received.message_body_md5 == sent.message_body_md5
    with refused("MessageNotExist"):
        queue.receive_message(0)
    queue.delete_message(received.receipt_handle)
    assert queue.get_attributes().inactive_messages == 0
    with refused("MessageNotExist"):
        queue.delete_message(received.receipt_handle)


def test_a_body_that_is_not_base64_is_kept_as_it_was_sent(queue: Any) -> None:
    queue.set_encoding(False)
    body = '{"a": "line\n<&>\\"\t中"}'
    queue.send_message(Message(body))
    assert queue.receive_message(0).message_body == body


def test_batches_of_sixteen_and_not_of_seventeen(queue: Any) -> None:
    sent = queue.batch_send_message([Message(str(number)) for number in range(16)])
    assert len({message.message_id for message in sent}) == 16
    peeked = queue.batch_peek_message(16)
    assert [int(message.message_body) for message in peeked] == list(range(16))
    received = queue.batch_receive_message(16, 0)
    assert [int(message.message_body) for message in received] == list(range(16))
    queue.batch_delete_message([message.receipt_handle for message in received])
    with refused("MessageNotExist"):
        queue.batch_receive_message(16, 0)
    with refused("InvalidArgument"):
        queue.batch_send_message([Message(str(number)) for number in range(17)])
    with refused("InvalidArgument"):
        queue.batch_receive_message(17, 0)


def test_a_batch_delete_names_the_handles_it_could_not_delete(queue: Any) -> None:
    queue.batch_send_message([Message("a"), Message("b")])
    first, second = queue.batch_receive_message(2, 0)
    queue.delete_message(first.receipt_handle)
    with pytest.raises(MNSServerException) as caught:
        queue.batch_delete_message([first.receipt_handle, second.receipt_handle, "garbage"])
    assert {failure["ReceiptHandle"]: failure["ErrorCode"] for failure in caught.value.sub_errors} == {
        first.receipt_handle: "MessageNotExist",
        "garbage": "ReceiptHandleError",
    }
    assert caught.value.req_id
    assert queue.get_attributes().inactive_messages == 0


def test_a_message_comes_back_when_its_visibility_ends_and_the_old_handle_is_dead(smq: Any, queue: Any) -> None:
    queue.send_message(Message("again"))
    first = queue.receive_message(0)
    smq.clock.ahead += 31
    with refused("ReceiptHandleError"):
        queue.delete_message(first.receipt_handle)
    second = queue.receive_message(0)
    assert (second.message_id, second.dequeue_count) == (first.message_id, 2)
    assert second.first_dequeue_time == first.first_dequeue_time
    with refused("ReceiptHandleError"):
        queue.delete_message(first.receipt_handle)
    queue.delete_message(second.receipt_handle)


def test_changing_the_visibility_gives_a_new_handle_and_ends_the_old_one(smq: Any, queue: Any) -> None:
    queue.send_message(Message("slow work"))
    received = queue.receive_message(0)
    changed = queue.change_message_visibility(received.receipt_handle, 120)
    assert abs(int(changed.next_visible_time) / 1000 - time.time() - 120) < 10
    smq.clock.ahead += 60
    with refused("MessageNotExist"):
        queue.receive_message(0)
    with refused("ReceiptHandleError"):
        queue.delete_message(received.receipt_handle)
    queue.delete_message(changed.receipt_handle)


def test_delay_priority_and_retention(smq: Any) -> None:
    queue = smq.account().get_queue("short-lived")
    queue.create(QueueMeta(msg_ttl=60))
    queue.send_message(Message("later", delay_seconds=10))
    queue.send_message(Message("low", priority=16))
    queue.send_message(Message("high", priority=1))
    assert queue.get_attributes().delay_messages == 1
    assert [message.message_body for message in queue.batch_receive_message(16, 0)] == [b"high", b"low"]
    smq.clock.ahead += 11
    assert queue.receive_message(0).message_body == b"later"
    smq.clock.ahead += 60
    with refused("MessageNotExist"):
        queue.receive_message(0)


def test_a_long_poll_gets_a_message_sent_meanwhile(smq: Any, queue: Any) -> None:
    with ThreadPoolExecutor(1) as pool:
        polled = pool.submit(smq.account().get_queue("nightly").receive_message, 25)
        until(lambda: smq.service.long_polls.waiting("nightly") == 1)
        queue.send_message(Message("now"))
        assert polled.result(60).message_body == b"now"


def test_a_long_poll_gets_a_delayed_message_when_it_becomes_visible(queue: Any) -> None:
    queue.send_message(Message("soon", delay_seconds=1))
    assert queue.receive_message(20).message_body == b"soon"


def test_a_poller_that_hung_up_takes_no_message(smq: Any, queue: Any) -> None:
    poller = smq.account()
    poller.mns_client.set_connection_timeout(1)
    with pytest.raises(Exception, match="timed out"):
        poller.get_queue("nightly").receive_message(20)
    poller.mns_client.close_connection()
    until(lambda: smq.service.long_polls.waiting("nightly") == 0)
    queue.send_message(Message("for somebody else"))
    assert queue.receive_message(0).message_body == b"for somebody else"


@pytest.mark.parametrize("form", ["XML", "JSON", "SIMPLIFIED"])
def test_a_published_message_reaches_the_queue_in_the_format_of_the_subscription(
    smq: Any, queue: Any, form: str
) -> None:
    account = smq.account()
    topic = account.get_topic("audio-done")
    topic.create(TopicMeta())
    subscription = account.get_subscription("audio-done", "to-nightly")
    subscription.subscribe(SubscriptionMeta(ENDPOINT + "nightly", notify_content_format=form))
    body = '{"id":"25E-1uBJ","content":"{\\"TaskId\\":\\"MediaConvert-1\\"}"}'
    published = topic.publish_message(TopicMessage(body))
    queue.set_encoding(False)
    received = queue.receive_message(0).message_body
    if form == "SIMPLIFIED":
        assert received == body
    elif form == "JSON":
        envelope = json.loads(received)
        assert envelope["Message"] == body
        assert envelope["MessageId"] == published.message_id
        assert (envelope["TopicName"], envelope["SubscriptionName"]) == ("audio-done", "to-nightly")
        assert envelope["TopicOwner"] == "1000000000000001"
        assert int(envelope["PublishTime"]) > 1_600_000_000_000
    else:
        assert received.startswith('<?xml version="1.0" encoding="UTF-8"?>')
        assert '<Notification xmlns="http://mns.aliyuncs.com/doc/v1/">' in received
        assert "<Message>{&quot;id&quot;:" in received
        assert "<MessageMD5>" + published.message_body_md5 + "</MessageMD5>" in received


def test_tags_choose_the_subscriptions(smq: Any) -> None:
    account = smq.account()
    topic = account.get_topic("events")
    topic.create(TopicMeta())
    for name, tag in (("all", ""), ("only-a", "a")):
        account.get_queue(name).create(QueueMeta())
        account.get_subscription("events", name).subscribe(
            SubscriptionMeta(ENDPOINT + name, notify_content_format="SIMPLIFIED", filter_tag=tag)
        )
    topic.publish_message(TopicMessage("one", "a"))
    topic.publish_message(TopicMessage("two", "b"))
    topic.publish_message(TopicMessage("three"))
    assert account.get_queue("all").get_attributes().active_messages == 3
    assert account.get_queue("only-a").get_attributes().active_messages == 1


def test_topics_and_subscriptions_are_made_read_changed_listed_and_deleted(smq: Any) -> None:
    account = smq.account()
    topic = account.get_topic("audio-done")
    assert topic.create(TopicMeta(4096)) == f"{smq.endpoint}/topics/audio-done"
    topic.create(TopicMeta(4096))
    with refused("TopicAlreadyExist"):
        topic.create(TopicMeta(8192))
    topic.set_attributes(TopicMeta(8192))
    assert topic.get_attributes().maximum_message_size == 8192
    assert topic.get_attributes().message_retention_period == 86400
    assert account.list_topic()[0] == [f"{smq.endpoint}/topics/audio-done"]
    with refused("InvalidArgument"):
        topic.publish_message(TopicMessage("x" * 8193))

    subscription = account.get_subscription("audio-done", "s1")
    url = subscription.subscribe(SubscriptionMeta(ENDPOINT + "q1", notify_content_format="JSON"))
    assert url == f"{smq.endpoint}/topics/audio-done/subscriptions/s1"
    with refused("SubscriptionAlreadyExist"):
        subscription.subscribe(SubscriptionMeta(ENDPOINT + "q2"))
    got = subscription.get_attributes()
    assert (got.endpoint, got.notify_content_format, got.notify_strategy) == (
        ENDPOINT + "q1",
        "JSON",
        "BACKOFF_RETRY",
    )
    subscription.set_attributes(SubscriptionMeta(notify_strategy="EXPONENTIAL_DECAY_RETRY"))
    assert subscription.get_attributes().notify_strategy == "EXPONENTIAL_DECAY_RETRY"
    assert topic.list_subscription()[0] == [url]
    subscription.unsubscribe()
    with refused("SubscriptionNotExist"):
        subscription.get_attributes()
    with refused("EndpointInvalid.*no HTTP"):
        subscription.subscribe(SubscriptionMeta("http://example.com/hook"))
    topic.delete()
    with refused("TopicNotExist"):
        topic.publish_message(TopicMessage("nobody hears"))


def test_everything_acknowledged_is_there_after_a_restart(smq: Any, queue: Any) -> None:
    queue.send_message(Message("kept"))
    taken = Message("taken")
    queue.send_message(taken)
    smq.account().get_topic("audio-done").create(TopicMeta())
    smq.restart()
    queue = smq.account().get_queue("nightly")
    assert [one.message_body for one in queue.batch_receive_message(16, 0)] == [b"kept", b"taken"]
    smq.account().get_topic("audio-done").get_attributes()


def test_wrong_keys_and_tokens_are_refused(smq: Any) -> None:
    with refused("InvalidAccessKeyId"):
        smq.account("nobody").get_queue("nightly").get_attributes()
    with refused("SignatureDoesNotMatch"):
        smq.account("testAK", "wrong").get_queue("nightly").get_attributes()
    with refused("InvalidSecurityToken"):
        smq.account("testAK", "testSK", "stolen").get_queue("nightly").get_attributes()
    with refused("QueueNotExist"):
        smq.account("testAK", "testSK", "tok").get_queue("nightly").get_attributes()


@pytest.mark.parametrize(
    "attributes",
    [
        {"vis_timeout": 43201},
        {"max_msg_size": 1000},
        {"max_msg_size": 65537},
        {"msg_ttl": 59},
        {"msg_ttl": 604801},
        {"delay_sec": 604801},
        {"polling_wait_sec": 31},
    ],
)
def test_attributes_out_of_range_are_refused(shared_smq: Any, attributes: dict[str, int]) -> None:
    with refused("InvalidArgument"):
        shared_smq.account().get_queue("q").create(QueueMeta(**attributes))


def test_a_message_larger_than_the_queue_takes_is_refused(smq: Any) -> None:
    queue = smq.account().get_queue("small")
    queue.create(QueueMeta(max_msg_size=1024))
    queue.set_encoding(False)
    queue.send_message(Message("x" * 1024))
    with refused("InvalidArgument"):
        queue.send_message(Message("x" * 1025))


def test_base64_without_decoding_is_what_the_publisher_sent(queue: Any) -> None:
    text = base64.b64encode(b'{"events":[]}').decode()
    queue.set_encoding(False)
    queue.send_message(Message(text))
    assert queue.receive_message(0).message_body == text
