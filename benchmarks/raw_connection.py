"""One keep-alive connection, one request after the other: for latencies, and for bodies that are streamed."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from benchmarks.raw_client import HOST, UnexpectedAnswer, content_length

PIECE = 1 << 20
TIMEOUT = 600.0


class Connection:
    """A connection to a server on this machine."""

    def __init__(self, open_socket: socket.socket) -> None:
        self._socket = open_socket

    def fetch(self, request: bytes, body: Iterable[bytes] = ()) -> bytes:
        """Send a whole request, or its head and the pieces of its body; return the answer's body."""
        return b"".join(self.stream(request, body))

    def stream(self, request: bytes, body: Iterable[bytes] = ()) -> Iterator[bytes]:
        """Send a request, and yield the answer's body in the pieces in which it comes.

        Raises:
            UnexpectedAnswer: the status is not 200.
        """
        self._socket.sendall(request)
        for piece in body:
            self._socket.sendall(piece)
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        if not received.startswith(b"HTTP/1.1 200"):
            raise UnexpectedAnswer(received[:2000].decode("latin-1"))
        left = content_length(received[:end])
        piece = received[end + 4 :]
        while True:
            left -= len(piece)
            yield piece
            if left <= 0:
                return
            piece = self._receive()

    def _receive(self) -> bytes:
        piece = self._socket.recv(PIECE)
        if not piece:
            raise ConnectionError("the server closed the connection")
        return piece


@contextmanager
def connected(port: int) -> Iterator[Connection]:
    """Open a connection for the length of the block."""
    with socket.create_connection((HOST, port), timeout=TIMEOUT) as open_socket:
        open_socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Connection(open_socket)
