"""The bodies of SMQ responses, with the element names that the SDKs require."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from oss_local_cloud.signatures.credentials import ACCOUNT_ID
from oss_local_cloud.smq.attributes import (
    TOPIC_RETENTION_SECONDS,
    QueueAttributes,
    SubscriptionAttributes,
    TopicAttributes,
)
from oss_local_cloud.smq.errors import SmqRequestError
from oss_local_cloud.smq.messages import Counts, Message, Properties, Sent
from oss_local_cloud.smq.tables import Stored
from oss_local_cloud.smq.xml import document, elements, rows

_PROPERTY_TAGS = {"UserProperties": "PropertyValue", "SystemProperties": "SystemPropertyValue"}


def queue_fields(stored: Stored[QueueAttributes], counts: Counts) -> dict[str, object]:
    """A queue's attributes; times in whole seconds, as the service gives them."""
    settings = stored.attributes
    return {
        "QueueName": stored.name,
        "CreateTime": stored.created_ms // 1000,
        "LastModifyTime": stored.modified_ms // 1000,
        "VisibilityTimeout": settings.visibility_timeout,
        "MaximumMessageSize": settings.maximum_message_size,
        "MessageRetentionPeriod": settings.message_retention_period,
        "DelaySeconds": settings.delay_seconds,
        "PollingWaitSeconds": settings.polling_wait_seconds,
        "ActiveMessages": counts.active,
        "InactiveMessages": counts.inactive,
        "DelayMessages": counts.delayed,
        "LoggingEnabled": settings.logging_enabled,
    }


def topic_fields(stored: Stored[TopicAttributes]) -> dict[str, object]:
    """A topic's attributes. MessageCount is 0: messages are in their queues before the publisher is answered."""
    return {
        "TopicName": stored.name,
        "CreateTime": stored.created_ms // 1000,
        "LastModifyTime": stored.modified_ms // 1000,
        "MaximumMessageSize": stored.attributes.maximum_message_size,
        "MessageRetentionPeriod": TOPIC_RETENTION_SECONDS,
        "MessageCount": 0,
        "LoggingEnabled": stored.attributes.logging_enabled,
    }


def subscription_fields(topic: str, stored: Stored[SubscriptionAttributes]) -> dict[str, object]:
    """A subscription's attributes."""
    settings = stored.attributes
    return {
        "SubscriptionName": stored.name,
        "Subscriber": ACCOUNT_ID,
        "TopicOwner": ACCOUNT_ID,
        "TopicName": topic,
        "Endpoint": settings.endpoint,
        "NotifyStrategy": settings.notify_strategy,
        "NotifyContentFormat": settings.notify_content_format,
        "FilterTag": settings.filter_tag or None,
        "CreateTime": stored.created_ms // 1000,
        "LastModifyTime": stored.modified_ms // 1000,
    }


def single(root: str, fields: Mapping[str, object]) -> bytes:
    """A document of one level."""
    return document(root, elements(fields))


def listing(root: str, tag: str, items: Iterable[Mapping[str, object]], next_marker: str | None) -> bytes:
    """A page of a listing; NextMarker is there when another page follows."""
    return document(root, rows(tag, items) + elements({"NextMarker": next_marker}))


def sent(results: list[Sent], batch: bool) -> bytes:
    """The response to a send, or to a publish."""
    items = [{"MessageId": result.message_id, "MessageBodyMD5": result.body_md5} for result in results]
    return document("Messages", rows("Message", items)) if batch else single("Message", items[0])


def received(found: list[Message], batch: bool, peeked: bool) -> bytes:
    """The response to a receive or a peek; a peek has no handle and no NextVisibleTime."""
    inner = [_message(message, peeked) for message in found]
    if batch:
        return document("Messages", "".join(f"<Message>{one}</Message>" for one in inner))
    return document("Message", inner[0])


def visibility(handle: str, next_visible_ms: int) -> bytes:
    """The response to a change of visibility."""
    return single("ChangeVisibility", {"ReceiptHandle": handle, "NextVisibleTime": next_visible_ms})


def undeleted(failures: Mapping[str, SmqRequestError]) -> bytes:
    """The response to a batch delete that failed for some handles: handle → error."""
    return document(
        "Errors",
        rows(
            "Error",
            (
                {"ErrorCode": error.code, "ErrorMessage": error.message, "ReceiptHandle": handle}
                for handle, error in failures.items()
            ),
        ),
    )


def error(refusal: SmqRequestError, request_id: str, host: str) -> bytes:
    """The error document: all four elements, or the SDKs report a damaged response."""
    return single(
        "Error",
        {
            "Code": refusal.code,
            "Message": refusal.message,
            "RequestId": request_id,
            "HostId": f"http://{host}",
        },
    )


def _message(message: Message, peeked: bool) -> str:
    fields: dict[str, object] = {
        "MessageId": message.message_id,
        "MessageBodyMD5": message.body_md5,
        "MessageBody": message.body,
        "EnqueueTime": message.enqueued_ms,
        "FirstDequeueTime": message.first_dequeued_ms,
        "DequeueCount": message.dequeue_count,
        "Priority": message.priority,
    }
    if not peeked:
        fields["ReceiptHandle"] = message.receipt_handle
        fields["NextVisibleTime"] = message.next_visible_ms
    return elements(fields) + _properties(message.properties)


def _properties(properties: Properties) -> str:
    return "".join(f"<{group}>{rows(_PROPERTY_TAGS[group], values)}</{group}>" for group, values in properties.items())
