"""A relay in front of a service that counts the requests which pass, and changes nothing in them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
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
    """The requests that passed: when (seconds since the epoch), and of what kind."""

    seen: list[tuple[float, str]] = field(default_factory=list)

    def between(self, begin: float, end: float) -> list[str]:
        """Kinds of the requests of a period."""
        return [kind for at, kind in self.seen if begin <= at < end]


@contextmanager
def relays(targets: dict[str, tuple[int, int]], requests: Requests) -> Iterator[None]:
    """Relay for the length of the block; `targets` has (port to listen on, port to pass on to) by service."""
    loop = asyncio.new_event_loop()
    listening, ended = Event(), asyncio.Event()

    async def serve() -> None:
        servers = [
            await asyncio.start_server(_Relay(name, target, requests).serve, HOST, port)
            for name, (port, target) in targets.items()
        ]
        listening.set()
        await ended.wait()
        for server in servers:
            server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    thread = Thread(target=loop.run_until_complete, args=(serve(),), name="relays", daemon=True)
    thread.start()
    try:
        if not listening.wait(10):
            raise RuntimeError("the counting relays did not start listening")
        yield
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()


class _Relay:
    def __init__(self, service: str, target: int, requests: Requests) -> None:
        self._service = service
        self._target = target
        self._requests = requests

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on. Without pipelining, what a client sends after an answer is the next request."""
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

        with suppress(OSError):
            await asyncio.gather(forward(), back())

    def _kind(self, piece: bytes) -> str:
        method, _, rest = piece.split(b"\r\n", 1)[0].decode("latin-1").partition(" ")
        names = {name for name, _ in parse_qsl(urlsplit(rest.split(" ")[0]).query, keep_blank_values=True)}
        of = [name for name in SUBRESOURCES if name in names]
        return " ".join([self._service, method, *of])
