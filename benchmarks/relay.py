"""A relay in front of a service, which counts the requests and doesn't change them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Thread
from urllib.parse import parse_qsl, urlsplit

HOST = "127.0.0.1"
PIECE = 1 << 16
SUBRESOURCES = ("x-oss-async-process", "list-type", "delete", "x-oss-process", "tagging")
"""Query parameters that make one method several calls."""


@dataclass
class Requests:
    """The requests that passed: their times (seconds since the epoch) and kinds."""

    seen: list[tuple[float, str]] = field(default_factory=list)

    def between(self, begin: float, end: float) -> list[str]:
        """List the kinds of the requests of a period."""
        return [kind for at, kind in self.seen if begin <= at < end]


@contextmanager
def relays(targets: dict[str, tuple[int, int]], requests: Requests) -> Iterator[None]:
    """Relay for the length of the block; `targets` has (port to listen on, port to pass on to) by service."""
    listening = Event()
    stop: list[Callable[[], object]] = []

    async def serve() -> None:
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        stop.append(lambda: loop.call_soon_threadsafe(ended.set))
        servers = [
            await asyncio.start_server(_Relay(name, target, requests).serve, HOST, port)
            for name, (port, target) in targets.items()
        ]
        listening.set()
        await ended.wait()
        for server in servers:
            server.close()

    # `asyncio.run` cancels the connections that are still open and waits for them.
    thread = Thread(target=asyncio.run, args=(serve(),), name="relays", daemon=True)
    thread.start()
    try:
        if not listening.wait(10):
            raise RuntimeError("the counting relays did not start listening")
        yield
    finally:
        for ask in stop:
            ask()
        thread.join()


class _Relay:
    def __init__(self, service: str, target: int, requests: Requests) -> None:
        self._service = service
        self._target = target
        self._requests = requests

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay one connection. Without pipelining, bytes that a client sends after an answer are a request."""
        there_reader, there_writer = await asyncio.open_connection(HOST, self._target)
        answered = True

        async def forward() -> None:
            nonlocal answered
            while piece := await reader.read(PIECE):
                if answered:
                    self._requests.seen.append((time.time(), self._kind(piece)))
                    answered = False
                there_writer.write(piece)
                await there_writer.drain()
            there_writer.close()

        async def back() -> None:
            nonlocal answered
            while piece := await there_reader.read(PIECE):
                answered = True
                writer.write(piece)
                await writer.drain()
            writer.close()

        try:
            await asyncio.gather(forward(), back())
        except OSError:
            pass  # one side closed: close the other
        finally:
            for end in (writer, there_writer):
                end.close()
                with suppress(OSError):
                    await end.wait_closed()

    def _kind(self, piece: bytes) -> str:
        method, _, rest = piece.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        names = {name for name, _ in parse_qsl(urlsplit(rest.split(" ")[0]).query, keep_blank_values=True)}
        of = [name for name in SUBRESOURCES if name in names]
        return " ".join([self._service, method, *of])
