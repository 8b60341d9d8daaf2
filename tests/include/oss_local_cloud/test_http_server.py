"""Requests that are no HTTP or never end: refused in the service's own shape, and the connection closed."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
from starlette.types import Receive, Scope, Send

from oss_local_cloud import http_server
from oss_local_cloud.http_server import BODY_SECONDS, HEADER_BYTES, HEADER_SECONDS, HttpProtocol
from oss_local_cloud.oss.app import refusal

PATIENCE = 30.0


class Service:
    """An application that reads the body and answers with its length when `go` is set, or at once when `refuses`."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.go.set()
        self.refuses = False
        self.received = 0
        self.ended: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        more = not self.refuses
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.ended.append("cut off")
                return
            self.received += len(message.get("body", b""))
            more = message.get("more_body", False)
        await self.go.wait()
        self.ended.append("whole")
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


class Client:
    """One connection to it, and the server's end of that."""

    def __init__(
        self, service: Service, server: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.service, self.reader = service, reader
        self._server, self._writer = server, writer
        self._later = 0.0

    async def send(self, text: bytes) -> None:
        """Send bytes; returns when the server has seen them."""
        end = await self.end()
        end._received = False
        self._writer.write(text)
        await until(lambda: end._received)

    async def end(self) -> HttpProtocol:
        await until(lambda: bool(self._server.server_state.connections))
        (end,) = self._server.server_state.connections
        return end

    async def after(self, seconds: float) -> None:
        """Let the server look at the connection as if it was so much later."""
        self._later += seconds
        for end in tuple(self._server.server_state.connections):
            end.end_if_stuck(asyncio.get_running_loop().time() + self._later)

    async def answer(self) -> bytes:
        """Everything until the server closes."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()


async def until(holds: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not holds():  # noqa: ASYNC110  # the server has no event for what a test wants to know
            await asyncio.sleep(0.01)


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Client]:
    monkeypatch.setattr(http_server, "_TICKS_PER_SWEEP", 1 << 60)  # only the test looks, and only when it says so
    service = Service()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = http_server.http_server(service, date_header=False, refusal=refusal)
        serving = asyncio.create_task(server.serve([listener]))
        await server.accepting.wait()
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        yield Client(service, server, reader, writer)
        writer.close()
        server.should_exit = True
        service.go.set()
        await serving


def timed_out(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    code = ElementTree.fromstring(body).findtext("Code")
    return head.startswith(b"HTTP/1.1 400 ") and b"\r\nconnection: close" in head and code == "RequestTimeout"


async def test_a_connection_without_a_request_is_closed_after_the_header_timeout(client: Client):
    await client.end()
    await client.after(HEADER_SECONDS - 5)
    assert (await client.end()).transport.is_closing() is False
    await client.after(10)
    assert timed_out(await client.answer())


async def test_headers_that_come_byte_by_byte_do_not_last_longer(client: Client):
    await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
    await client.after(0)
    for _ in range(4):
        await client.send(b"x")
        await client.after(HEADER_SECONDS / 5)
    await client.send(b"x")
    await client.after(HEADER_SECONDS / 2)
    assert timed_out(await client.answer())
    assert client.service.ended == []


async def test_headers_without_end_are_refused_before_they_fill_the_memory(client: Client):
    await client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + bytes(200_000))
    await until(lambda: client.service.ended)
    await client.send(b"GET / HTTP/1.1\r\nX: ")
    for _ in range(HEADER_BYTES // 1024):
        await client.send(b"x" * 1024)
    answer = await client.answer()
    assert b"\r\n\r\nokHTTP/1.1 400 " in answer
    assert f"more than {HEADER_BYTES} bytes".encode() in answer
    assert client.service.received == 200_000


async def test_a_body_that_stops_is_cut_off(client: Client):
    await client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
    await client.after(0)
    await client.after(BODY_SECONDS + 1)
    assert timed_out(await client.answer())
    await until(lambda: client.service.ended)
    assert client.service.ended == ["cut off"]


async def test_a_body_that_goes_on_may_take_any_time(client: Client):
    await client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nConnection: close\r\n\r\n")
    for _ in range(9):
        await client.send(b"x")
        await client.after(BODY_SECONDS + 1)
    assert (await client.answer()).endswith(b"\r\n\r\nok")
    assert client.service.received == 9


async def test_a_whole_request_is_waited_for(client: Client):
    client.service.go.clear()
    await client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    for _ in range(5):
        await client.after(BODY_SECONDS + HEADER_SECONDS)
    client.service.go.set()
    assert (await client.answer()).endswith(b"\r\n\r\nok")


async def test_an_unread_body_is_not_waited_for(client: Client):
    client.service.refuses = True
    await client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
    await until(lambda: client.service.ended)
    await client.send(b"abc")
    await client.after(0)
    await client.after(0)
    await client.after(BODY_SECONDS + 1)
    assert b"\r\n\r\nokHTTP/1.1 400 " in await client.answer()


async def test_a_second_request_has_a_time_of_its_own(client: Client):
    await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    async with asyncio.timeout(PATIENCE):
        assert (await client.reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200 ")
    await client.after(HEADER_SECONDS + 1)
    await client.send(b"GET / HT")
    await client.after(0)
    await client.after(HEADER_SECONDS - 1)
    await client.send(b"TP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert (await client.answer()).endswith(b"\r\n\r\nok")


async def test_a_refused_body_that_came_whole_is_followed_by_the_next_request(client: Client):
    client.service.refuses = True
    await client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n")
    await until(lambda: client.service.ended)
    await client.send(b"123456789")
    for _ in range(3):
        await client.after(BODY_SECONDS + 1)
    assert (await client.end()).timeout_keep_alive_task is not None
    await client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert (await client.answer()).count(b"\r\n\r\nok") == 2


async def test_the_beginning_of_the_next_request_does_not_cut_the_answer_before_it(client: Client):
    client.service.go.clear()
    await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    await client.send(b"GET / HT")
    for _ in range(3):
        await client.after(HEADER_SECONDS + 1)
    client.service.go.set()
    await until(lambda: client.service.ended)
    await client.send(b"TP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert (await client.answer()).count(b"\r\n\r\nok") == 2


async def test_a_request_that_waits_for_the_answer_before_it_is_not_stuck(client: Client):
    client.service.go.clear()
    await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nPUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n")
    await client.send(b"Connection: close\r\n\r\nab")
    (await client.end()).flow.resume_reading()  # as an application does that waits for the end of the connection
    for _ in range(3):
        await client.after(BODY_SECONDS + 1)
    client.service.go.set()
    await until(lambda: client.service.ended)
    await client.send(b"cd")
    assert (await client.answer()).count(b"\r\n\r\nok") == 2


async def test_a_refusal_is_never_taken_for_the_answer_to_the_request_before_it(client: Client):
    client.service.go.clear()
    await client.send(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")
    await until(lambda: client.service.received)
    await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nno HTTP at all\r\n\r\n")
    assert await client.answer() == b""


@pytest.mark.parametrize("announced", [b"Content-Length: 3", b"Transfer-Encoding: chunked"])
async def test_a_body_in_a_request_for_another_protocol_is_refused_not_dropped(client: Client, announced: bytes):
    upgrade = b"PUT / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: TLS/1.2\r\n"
    await client.send(upgrade + announced + b"\r\n\r\nabc")
    answer = await client.answer()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Upgrade" in answer
    assert client.service.ended == []


async def test_another_protocol_asked_for_without_a_body_is_not_spoken(client: Client):
    upgrade = b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 0\r\n\r\n"
    await client.send(b"GET / HTTP/1.1\r\nHost: a\r\n" + upgrade)
    await until(lambda: client.service.ended)
    await client.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert (await client.answer()).count(b"\r\n\r\nok") == 2


@pytest.mark.parametrize("request_text", [b"no HTTP at all\r\n\r\n", b"GET / HTTP/1.1\r\nHost a\r\n\r\n"])
def test_what_is_no_request_is_refused_in_the_shape_of_the_service(local_cloud: Any, request_text: bytes):
    head, body = exchanged(local_cloud.oss, request_text)
    assert head.startswith(b"HTTP/1.1 400 ")
    assert re.search(rb"\r\nx-oss-request-id: [0-9A-F]{24}\r\n", head)
    assert b"\r\nserver: AliyunOSS\r\n" in head
    assert ElementTree.fromstring(body).findtext("Code") == "InvalidRequest"
    head, body = exchanged(local_cloud.smq, request_text)
    assert re.search(rb"\r\nx-mns-request-id: [0-9A-F]{24}\r\n", head)
    (code,) = [child.text for child in ElementTree.fromstring(body) if child.tag.endswith("Code")]
    assert code == "InvalidRequest"
    head, body = exchanged(local_cloud.imm, request_text)
    assert b"\r\nx-acs-request-id: " in head
    assert json.loads(body)["Code"] == "InvalidRequest"


def exchanged(endpoint: str, request_text: bytes) -> tuple[bytes, bytes]:
    """Head and body of the answer, which ends with the connection."""
    at = urlsplit(endpoint)
    with socket.create_connection((at.hostname, at.port), timeout=PATIENCE) as connection:
        connection.sendall(request_text)
        with connection.makefile("rb") as answer:
            head, _, body = answer.read().partition(b"\r\n\r\n")
    return head, body
