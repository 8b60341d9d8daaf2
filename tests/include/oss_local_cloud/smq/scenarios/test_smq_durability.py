"""No unread message is lost by kill -9, none that was deleted comes back."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from mns.account import Account
from mns.mns_exception import MNSExceptionBase, MNSServerException
from mns.queue import Message, QueueMeta
from mns.subscription import SubscriptionMeta
from mns.topic import TopicMessage, TopicMeta

# The SDK marks attributes it reads itself as deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated function:DeprecationWarning")
PATIENCE_SECONDS = 60


class Load:
    """What clients of a cloud were told before it was killed."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.sent: set[str] = set()
        self.deleted: set[str] = set()
        self.perhaps_deleted: set[str] = set()
        self.enough = threading.Event()
        self.over = threading.Event()

    def run(self, client: Callable[[Account], None]) -> None:
        account = Account(self.cloud.smq, self.cloud.access_key_id, self.cloud.access_key_secret)
        try:
            while not self.over.is_set():
                client(account)
        except MNSServerException:
            raise
        except MNSExceptionBase:
            pass  # the cloud was killed
        finally:
            account.mns_client.close_connection()

    def sender(self, thread: int) -> Callable[[Account], None]:
        numbers = iter(range(1_000_000))

        def send(account: Account) -> None:
            bodies = [f"{thread}/{next(numbers)}" for _ in range(3)]
            account.get_queue("load").batch_send_message([Message(body) for body in bodies])
            self.sent.update(bodies)

        return send

    def publisher(self, thread: int) -> Callable[[Account], None]:
        numbers = iter(range(1_000_000))

        def publish(account: Account) -> None:
            body = f"{thread}/{next(numbers)}"
            account.get_topic("load").publish_message(TopicMessage(body))
            self.sent.add(body)

        return publish

    def consume(self, account: Account) -> None:
        queue = account.get_queue("load")
        queue.set_encoding(False)
        received = receive(queue, 1)
        for number, message in enumerate(received):
            if number % 2:
                continue  # it is out with a receiver when the cloud dies
            body = text_of(message)
            self.perhaps_deleted.add(body)
            try:
                queue.delete_message(message.receipt_handle)
            except MNSServerException:
                continue  # its visibility ended on this slow machine: it comes back
            self.deleted.add(body)
            if len(self.deleted) > 10:
                self.enough.set()


def text_of(message: Any) -> str:
    """Senders of the SDK encode, publishers of it do not."""
    text = str(message.message_body)
    return text if "/" in text and text.replace("/", "").isdigit() else base64.b64decode(text).decode()


def receive(queue: Any, wait_seconds: int) -> list[Any]:
    try:
        return list(queue.batch_receive_message(16, wait_seconds))
    except MNSServerException as error:
        if error.type != "MessageNotExist":
            raise
        return []


@pytest.mark.parametrize("round_", range(2))
def test_nothing_unread_is_lost_by_a_kill(start_local_cloud: Callable[..., Any], round_: int) -> None:
    cloud = start_local_cloud()
    account = Account(cloud.smq, cloud.access_key_id, cloud.access_key_secret)
    account.get_queue("load").create(QueueMeta(vis_timeout=2 + round_))
    account.get_topic("load").create(TopicMeta())
    account.get_subscription("load", "load").subscribe(
        SubscriptionMeta("acs:mns:local-1:1000000000000001:queues/load", notify_content_format="SIMPLIFIED")
    )
    account.mns_client.close_connection()
    load = Load(cloud)
    clients = [load.sender(0), load.sender(1), load.publisher(2), load.consume, load.consume]
    with ThreadPoolExecutor(len(clients)) as threads:
        running = [threads.submit(load.run, client) for client in clients]
        assert load.enough.wait(PATIENCE_SECONDS)
        cloud.kill()
        load.over.set()
        for one in running:
            one.result()
    cloud.start()

    account = Account(cloud.smq, cloud.access_key_id, cloud.access_key_secret)
    queue = account.get_queue("load")
    queue.set_encoding(False)
    unread = load.sent - load.perhaps_deleted
    found: set[str] = set()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        for message in receive(queue, 5):
            found.add(text_of(message))
            queue.delete_message(message.receipt_handle)
        if unread <= found and not queue_has_any(queue):
            break
        assert time.monotonic() < deadline, sorted(unread - found)
    assert not found & load.deleted
    account.mns_client.close_connection()


def queue_has_any(queue: Any) -> bool:
    """Whether anything is left, seen or unseen."""
    attributes = queue.get_attributes()
    return bool(attributes.active_messages or attributes.inactive_messages)
