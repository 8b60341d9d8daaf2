"""Endpoints that don't answer."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest


@pytest.fixture
def closed_port() -> int:
    """A port of 127.0.0.1 where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def hanging_up() -> Iterator[tuple[int, list[int]]]:
    """A server that closes every connection at once: its port, and a list that grows with each connection."""
    seen: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                connection, address = server.accept()
                if not over.is_set():
                    seen.append(address[1])  # before the client can know that it was hung up on
                connection.close()
                if over.is_set():
                    return

        over = threading.Event()
        thread = threading.Thread(target=serve)
        thread.start()
        port = int(server.getsockname()[1])
        yield port, seen
        over.set()
        socket.create_connection(("127.0.0.1", port)).close()
        thread.join()
