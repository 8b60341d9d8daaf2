"""Whose turn it is at a queue, and many long polls over real sockets."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from mns.mns_exception import MNSServerException
from mns.queue import Message, QueueMeta

from oss_local_cloud.signatures.mns import sign, string_to_sign

PATIENCE_SECONDS = 30
POLLERS = 300


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


async def poll(host: str, port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None, head
        return head + await reader.readexactly(int(length[1]))
    finally:
        writer.close()
        await writer.wait_closed()


async def test_hundreds_of_long_polls_get_one_message_each_and_cost_no_thread(smq: Any) -> None:
    queue = smq.account().get_queue("crowd")
    queue.create(QueueMeta())
    target = "/queues/crowd/messages?waitseconds=30"
    headers = {"x-mns-version": "2015-06-06", "date": format_datetime(datetime.now(UTC), usegmt=True)}
    headers["authorization"] = "MNS testAK:" + sign("testSK", string_to_sign("GET", target, headers))
    host, _, port = smq.endpoint.removeprefix("http://").partition(":")
    lines = [f"GET {target} HTTP/1.1", f"host: {host}:{port}", *(f"{name}: {value}" for name, value in headers.items())]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    threads = threading.active_count()
    polls = [asyncio.create_task(poll(host, int(port), request)) for _ in range(POLLERS)]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while smq.service.long_polls.waiting("crowd") < POLLERS:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    assert threading.active_count() == threads
    for start in range(0, POLLERS, 10):
        batch = [Message(f"message {number}") for number in range(start, start + 10)]
        await asyncio.to_thread(queue.batch_send_message, batch)
    answers = await asyncio.gather(*polls)
    assert {answer.split(b" ", 2)[1] for answer in answers} == {b"200"}
    bodies = [re.search(b"<MessageBody>(.*)</MessageBody>", answer) for answer in answers]
    assert len({body[1] for body in bodies if body}) == POLLERS


def test_a_message_that_becomes_visible_again_goes_to_a_waiting_poll(smq: Any) -> None:
    queue = smq.account().get_queue("q")
    queue.create(QueueMeta(vis_timeout=1))
    with ThreadPoolExecutor(2) as pool:
        polls = [pool.submit(smq.account().get_queue("q").receive_message, 25) for _ in range(2)]
        until(lambda: smq.service.long_polls.waiting("q") == 2)
        queue.send_message(Message("once"))
        received = [one.result(PATIENCE_SECONDS) for one in polls]  # the first does not delete it
    assert sorted(one.dequeue_count for one in received) == [1, 2]
    assert {one.message_body for one in received} == {b"once"}


def test_a_shorter_visibility_wakes_a_waiting_poll(smq: Any) -> None:
    queue = smq.account().get_queue("q")
    queue.create(QueueMeta(vis_timeout=43200))
    queue.send_message(Message("back soon"))
    received = queue.receive_message(0)
    with ThreadPoolExecutor(1) as pool:
        polled = pool.submit(smq.account().get_queue("q").receive_message, 25)
        until(lambda: smq.service.long_polls.waiting("q") == 1)
        queue.change_message_visibility(received.receipt_handle, 1)
        assert polled.result(PATIENCE_SECONDS).message_body == b"back soon"


def test_deleting_a_queue_ends_its_long_polls(smq: Any) -> None:
    queue = smq.account().get_queue("q")
    queue.create(QueueMeta())
    with ThreadPoolExecutor(1) as pool:
        polled = pool.submit(smq.account().get_queue("q").receive_message, 25)
        until(lambda: smq.service.long_polls.waiting("q") == 1)
        queue.delete()
        with pytest.raises(MNSServerException, match="QueueNotExist"):
            polled.result(PATIENCE_SECONDS)


def test_a_poll_waits_as_long_as_the_queue_says_when_the_request_does_not(smq: Any) -> None:
    queue = smq.account().get_queue("patient")
    queue.create(QueueMeta(polling_wait_sec=25))
    with ThreadPoolExecutor(1) as pool:
        polled = pool.submit(smq.account().get_queue("patient").receive_message)
        until(lambda: smq.service.long_polls.waiting("patient") == 1)
        queue.send_message(Message("at last"))
        assert polled.result(PATIENCE_SECONDS).message_body == b"at last"
