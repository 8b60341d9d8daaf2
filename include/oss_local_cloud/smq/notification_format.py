"""The format of a published message in a subscribed queue, by the subscription's NotifyContentFormat.

The element names are those of the documentation's "Notification message format"; the published body is
never encoded or decoded on its way.
"""

from __future__ import annotations

import json

from oss_local_cloud.signatures.credentials import ACCOUNT_ID
from oss_local_cloud.smq import xml
from oss_local_cloud.smq.attributes import SubscriptionAttributes
from oss_local_cloud.smq.messages import Sent
from oss_local_cloud.smq.tables import Stored


def queue_body(
    topic: str, subscription: Stored[SubscriptionAttributes], sent: Sent, body: str, tag: str, now_ms: int
) -> str:
    """The body that a subscription's queue gets for a message published to `topic`."""
    form = subscription.attributes.notify_content_format
    if form == "SIMPLIFIED":
        return body
    fields: dict[str, str | None] = {
        "TopicOwner": ACCOUNT_ID,
        "TopicName": topic,
        "Subscriber": ACCOUNT_ID,
        "SubscriptionName": subscription.name,
        "MessageId": sent.message_id,
        "Message": body,
        "MessageMD5": sent.body_md5,
        "MessageTag": tag or None,
        "PublishTime": str(now_ms),
    }
    if form == "JSON":
        return json.dumps({name: value for name, value in fields.items() if value is not None}, ensure_ascii=False)
    return xml.document("Notification", xml.elements(fields)).decode()
