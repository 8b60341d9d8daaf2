"""Queues of the running local cloud, made and filled with the official SDK."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from mns.account import Account
from mns.queue import Message, QueueMeta

from oss_audio_core.smq import SmqSettings

if TYPE_CHECKING:
    from tools.cloud_process import CloudProcess

_numbers = itertools.count(1)


@pytest.fixture
def smq_settings(local_cloud: CloudProcess) -> SmqSettings:
    return SmqSettings(local_cloud.smq, local_cloud.access_key_id, local_cloud.access_key_secret)


@pytest.fixture
def account(local_cloud: CloudProcess) -> Iterator[Account]:
    account = Account(local_cloud.smq, local_cloud.access_key_id, local_cloud.access_key_secret)
    yield account
    account.mns_client.close_connection()


@pytest.fixture
def make_queue(account: Account) -> Callable[..., str]:
    """Make a queue of one's own and return its name."""

    def make(**attributes: Any) -> str:
        name = f"queue-{next(_numbers)}"
        account.get_queue(name).create(QueueMeta(**attributes))
        return name

    return make


@pytest.fixture
def send(account: Account) -> Callable[..., None]:
    """Put bodies into a queue as they are (no Base64)."""

    def put(queue: str, *bodies: str) -> None:
        target = account.get_queue(queue)
        target.set_encoding(False)
        for body in bodies:
            target.send_message(Message(body))

    return put


@pytest.fixture
def task() -> Callable[[str], str]:
    """A task notification as IMM writes it."""

    def write(task_id: str) -> str:
        content = {"TaskType": "MediaConvert", "TaskId": task_id, "Status": "Succeeded", "Code": "", "Message": ""}
        return json.dumps({"id": "1", "source": "acs.imm", "content": json.dumps(content)})

    return write
