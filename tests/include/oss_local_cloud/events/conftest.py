"""Queues that listen to a topic, read with the unmodified aliyun-mns-sdk."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import oss2
import pytest
from mns.account import Account
from mns.mns_exception import MNSServerException
from mns.queue import QueueMeta
from mns.subscription import SubscriptionMeta


class Listener:
    """A queue subscribed to one topic of a cloud."""

    def __init__(self, cloud: Any, topic: str, name: str) -> None:
        self._account = Account(cloud.smq, cloud.access_key_id, cloud.access_key_secret)
        self._queue = self._account.get_queue(name)
        self._queue.create(QueueMeta())
        self._queue.set_encoding(False)
        endpoint = f"acs:mns:{cloud.region}:1000000000000001:queues/{name}"
        self._account.get_subscription(topic, name).subscribe(
            SubscriptionMeta(endpoint, notify_content_format="SIMPLIFIED")
        )

    def raw(self, wait_seconds: int = 25) -> str:
        """The next message's body as it is in the queue."""
        message = self._queue.receive_message(wait_seconds)
        self._queue.delete_message(message.receipt_handle)
        return str(message.message_body)

    def event(self, wait_seconds: int = 25) -> dict[str, Any]:
        """The next event."""
        document = json.loads(base64.b64decode(self.raw(wait_seconds), validate=True))
        assert list(document) == ["events"]
        (event,) = document["events"]
        return dict(event)

    def nothing(self) -> bool:
        """Whether the queue is empty now."""
        try:
            self._queue.peek_message()
        except MNSServerException as error:
            if error.type != "MessageNotExist":
                raise
            return True
        return False

    def close(self) -> None:
        self._account.mns_client.close_connection()


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    """`listen(cloud, "topic")`: a queue named after its topic; again for the same cloud after a restart."""
    made: list[Listener] = []

    def start(cloud: Any, topic: str) -> Listener:
        made.append(Listener(cloud, topic, f"{topic}-queue"))
        return made[-1]

    yield start
    for listener in made:
        listener.close()


@pytest.fixture
def bucket_of() -> Iterator[Callable[..., oss2.Bucket]]:
    """An oss2 bucket of a cloud."""
    made: list[oss2.Bucket] = []

    def make(cloud: Any) -> oss2.Bucket:
        auth = oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
        made.append(oss2.Bucket(auth, cloud.oss, cloud.bucket, region=cloud.region, session=oss2.Session()))
        return made[-1]

    yield make
    for bucket in made:
        bucket.session.session.close()
