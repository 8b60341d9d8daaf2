"""A local cloud with fault injection, and its clients."""

from __future__ import annotations

import base64
import contextlib
import io
import itertools
import json
import time
import wave
from collections.abc import Callable, Iterator
from typing import Any

import oss2
import pytest
from mns.account import Account
from mns.mns_exception import MNSServerException

from oss_local_cloud.fault_injection.admin_client import AdminClient

SECONDS = 60
_numbers = itertools.count(1)


def silence(frames: int = 8_000) -> bytes:
    """A wav of `frames` samples at 16 kHz, mono."""
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setparams((1, 2, 16_000, 0, "NONE", ""))
        audio.writeframes(bytes(2 * frames))
    return file.getvalue()


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


class Clients:
    """What a user of `cloud` has: a bucket, the admin API, and the queue. `folder` is this test's own prefix."""

    def __init__(self, cloud: Any) -> None:
        self.cloud = cloud
        self.folder = f"t{next(_numbers)}/"
        self.admin = AdminClient(cloud.admin)
        self.bucket = self.bucket_with(connect_timeout=SECONDS)
        self._account = Account(cloud.smq, cloud.access_key_id, cloud.access_key_secret)
        self.queue = self._account.get_queue(cloud.queue)
        self.queue.set_encoding(False)

    def bucket_with(self, **settings: Any) -> oss2.Bucket:
        auth = oss2.AuthV4(self.cloud.access_key_id, self.cloud.access_key_secret)
        return oss2.Bucket(
            auth, self.cloud.oss, self.cloud.bucket, region=self.cloud.region, session=oss2.Session(), **settings
        )

    def put(self, name: str, content: bytes = b"content") -> str:
        self.bucket.put_object(self.folder + name, content)
        return self.folder + name

    def submit(self, source: str, target: str, parameters: str = "f_mp3", bucket: oss2.Bucket | None = None) -> str:
        """Submit a conversion of `source` below the test's folder; its task id."""
        saveas = f"sys/saveas,o_{encoded(self.folder + target)}/notify,topic_{encoded(self.cloud.topic)}"
        process = f"audio/convert,{parameters}|{saveas}"
        answer = (bucket or self.bucket).async_process_object(self.folder + source, process)
        return str(answer.task_id)

    def ended(self, *task_ids: str) -> list[Any]:
        """The tasks as the service has them, once they are ended and told."""

        def there() -> list[Any] | None:
            found = {task.task_id: task for task in self.admin.tasks() if task.notified}
            return [found[one] for one in task_ids] if set(task_ids) <= set(found) else None

        return until(there)

    def submit_and_wait(self, source: str, target: str) -> str:
        """Submit, and wait until the task has ended and was told, so that the next one comes after it."""
        task_id = self.submit(source, target)
        self.ended(task_id)
        return task_id

    def raw_messages(self, count: int) -> list[str]:
        """Take `count` messages from the queue, as they come."""
        bodies: list[str] = []
        deadline = time.monotonic() + SECONDS
        while len(bodies) < count:
            assert time.monotonic() < deadline, f"{count} messages were to come, these did: {bodies}"
            with contextlib.suppress(MNSServerException):
                message = self.queue.receive_message(1)
                self.queue.delete_message(message.receipt_handle)
                bodies.append(message.message_body)
        return bodies

    def told(self, count: int) -> list[str]:
        """The task ids of the next `count` notifications, in their order."""
        return [json.loads(json.loads(body)["content"])["TaskId"] for body in self.raw_messages(count)]

    def no_more_messages(self) -> None:
        with pytest.raises(MNSServerException, match="MessageNotExist"):
            self.queue.receive_message(0)

    def close(self) -> None:
        self.bucket.session.session.close()
        self._account.mns_client.close_connection()


def until(look: Callable[[], Any]) -> Any:
    """The first answer of `look` that is something; fails when there is none for long."""
    deadline = time.monotonic() + SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)
    return found


def empty(clients: Clients) -> None:
    with contextlib.suppress(MNSServerException):
        while True:
            clients.queue.delete_message(clients.queue.receive_message(0).receipt_handle)


@pytest.fixture
def clients(faulty_cloud: Any) -> Iterator[Clients]:
    """Clients of the shared cloud: no rules, nothing logged, the queue empty."""
    with contextlib.closing(Clients(faulty_cloud)) as found:
        found.admin.reset()
        found.admin.set_seed(0)
        until(lambda: found.admin.state().held == 0)
        empty(found)
        yield found
        found.admin.reset()


@pytest.fixture
def clients_of() -> Iterator[Callable[[Any], Clients]]:
    """Clients of a private cloud: `clients_of(start_local_cloud(admin=True))`."""
    with contextlib.ExitStack() as stack:
        yield lambda cloud: stack.enter_context(contextlib.closing(Clients(cloud)))


@pytest.fixture
def wav() -> Callable[[int], bytes]:
    return silence


@pytest.fixture
def wait_until() -> Callable[[Callable[[], Any]], Any]:
    return until
