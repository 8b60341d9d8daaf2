"""Names and attributes are accepted within the documented ranges and refused outside of them."""

from __future__ import annotations

import pytest

from oss_local_cloud.smq.attributes import (
    QueueAttributes,
    SubscriptionAttributes,
    TopicAttributes,
    boolean,
    check_name,
    whole_number,
)
from oss_local_cloud.smq.errors import SmqRequestError

ENDPOINT = "acs:mns:local-1:1:queues/q"


@pytest.mark.parametrize("name", ["a", "A-1_b", "1" * 120])
def test_a_legal_name_is_returned(name: str) -> None:
    assert check_name(name, "Queue") == name


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("", "Queue", "QueueNameLengthError"),
        ("a" * 121, "Topic", "TopicNameLengthError"),
        ("-a", "Queue", "InvalidQueueName"),
        ("ä", "Topic", "TopicNameInvalid"),
        ("a/b", "Subscription", "SubscriptionNameInvalid"),
    ],
)
def test_an_illegal_name_has_the_code_of_its_kind(name: str, kind: str, code: str) -> None:
    with pytest.raises(SmqRequestError) as refused:
        check_name(name, kind)
    assert refused.value.code == code


def test_numbers_and_booleans_are_read_strictly() -> None:
    assert whole_number("N", " 5 ", 1, 5) == 5
    assert boolean("B", "True") is True
    for text in ("6", "0", "x", "1.0", ""):
        with pytest.raises(SmqRequestError, match="between 1 and 5"):
            whole_number("N", text, 1, 5)
    with pytest.raises(SmqRequestError, match="True or False"):
        boolean("B", "yes")


def test_only_the_given_attributes_change() -> None:
    changed = QueueAttributes().changed({"VisibilityTimeout": "60", "LoggingEnabled": "true"})
    assert changed == QueueAttributes(visibility_timeout=60, logging_enabled=True)
    assert TopicAttributes().changed({"MaximumMessageSize": "1024"}) == TopicAttributes(1024)
    for fields in ({"VisibilityTimeout": "0"}, {"Unknown": "1"}):
        with pytest.raises(SmqRequestError, match="InvalidArgument"):
            QueueAttributes().changed(fields)


def test_a_subscription_is_to_a_queue_of_the_same_account_and_region() -> None:
    subscription = SubscriptionAttributes.parse({"Endpoint": ENDPOINT, "FilterTag": "t"}, "local-1", "1")
    assert (subscription.queue, subscription.filter_tag, subscription.notify_content_format) == ("q", "t", "XML")
    changed = subscription.with_strategy({"NotifyStrategy": "EXPONENTIAL_DECAY_RETRY"})
    assert changed.notify_strategy == "EXPONENTIAL_DECAY_RETRY"
    for endpoint in ("http://host/", "acs:mns:other:1:queues/q", "acs:mns:local-1:2:queues/q", ""):
        with pytest.raises(SmqRequestError, match="EndpointInvalid"):
            SubscriptionAttributes.parse({"Endpoint": endpoint}, "local-1", "1")
