"""A cheap client: requests written beforehand, over keep-alive connections, in a process of its own.

The figures are then those of the server. Of an answer, only the status and the length are read.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from typing import cast

import uvloop

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Load:
    """Requests sent, and how long that took in seconds."""

    requests: int
    seconds: float

    @property
    def per_second(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


class UnexpectedAnswer(RuntimeError):
    """An answer without the status 200; the message is its beginning."""


def run(port: int, requests: Sequence[bytes], connections: int, seconds: float | None = None) -> Load:
    """Send requests over some connections at once, each of them one after the other.

    Args:
        port: the server's port on this machine.
        requests: whole requests.
        connections: how many are open at once.
        seconds: for so long the requests are repeated; None sends each of them once.

    Raises:
        UnexpectedAnswer: an answer had another status than 200.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_in_own_process, port, requests, connections, seconds).result()


def _in_own_process(port: int, requests: Sequence[bytes], connections: int, seconds: float | None) -> Load:
    return uvloop.run(_send(port, requests, connections, seconds))


async def _send(port: int, requests: Sequence[bytes], connections: int, seconds: float | None) -> Load:
    loop = asyncio.get_running_loop()
    heads = requests[0].startswith(b"HEAD ")
    source = iter(requests) if seconds is None else cycle(requests)
    made = [await loop.create_connection(lambda: _Connection(source, heads), HOST, port) for _ in range(connections)]
    ends = [connection for _, connection in made]
    began = time.perf_counter()
    for connection in ends:
        connection.begin(None if seconds is None else began + seconds)
    await asyncio.gather(*(connection.ended for connection in ends))
    took = time.perf_counter() - began
    for transport, _ in made:
        transport.close()
    return Load(sum(connection.answered for connection in ends), took)


class _Connection(asyncio.Protocol):
    """One connection: the next request is sent when the last answer is complete."""

    def __init__(self, source: Iterator[bytes], heads: bool) -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answered = 0
        self._source = source
        self._heads = heads
        self._received = b""
        self._until: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's class has no base

    def begin(self, until: float | None) -> None:
        """Send the first request."""
        self._until = until
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received = self._received + data if self._received else data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        if not self._received.startswith(b"HTTP/1.1 200"):
            self._fail(UnexpectedAnswer(self._received[:2000].decode("latin-1")))
        elif self._heads or len(self._received) >= end + 4 + content_length(self._received[:end]):
            self.answered += 1
            self._received = b""
            self._next()

    def connection_lost(self, error: Exception | None) -> None:
        self._fail(error or ConnectionError("the server closed the connection"))

    def _next(self) -> None:
        request = None if self._until is not None and time.perf_counter() >= self._until else next(self._source, None)
        if request is not None:
            self._transport.write(request)
        elif not self.ended.done():
            self.ended.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)


def content_length(head: bytes) -> int:
    """Read the Content-Length of an answer's head."""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise UnexpectedAnswer(f"an answer without Content-Length: {head.decode('latin-1')}")
