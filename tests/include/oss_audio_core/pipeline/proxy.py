"""A proxy in front of a service, which spoils the answers a test wants spoiled."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass
class Spoiled:
    """What a `Proxy` does with one matching request."""

    marker: bytes
    answer: Callable[[bytes], bytes]
    forward: bool
    reset: bool


def refusal(status: str, code: str, message: str = "said the test") -> bytes:
    """An error as OSS answers with it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n"
    return f"{head}Connection: close\r\n\r\n{body}".encode()


class Proxy:
    """A TCP proxy in front of a service: it forwards each request and may spoil the answer on its way back."""

    def __init__(self, upstream: str) -> None:
        address = urlsplit(upstream)
        self._upstream = (address.hostname, address.port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.requests: list[str] = []
        #: Every request line again, with the bytes of the answer's body.
        self.answers: list[tuple[str, int]] = []
        self._spoiled: list[Spoiled] = []
        self._lock = threading.Lock()
        self._over = False
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def spoil(
        self,
        marker: bytes,
        answer: Callable[[bytes], bytes],
        *,
        forward: bool = True,
        reset: bool = False,
        times: int = 1,
    ) -> None:
        """Give the next requests that contain the marker another answer, and hang up (or reset) after it."""
        self._spoiled += [Spoiled(marker, answer, forward, reset)] * times

    def refuse(self, marker: bytes, status: str, code: str, message: str = "said the test", *, times: int = 1) -> None:
        """Refuse the next requests that contain the marker, as OSS would."""
        answer = refusal(status, code, message)
        self.spoil(marker, lambda _: answer, forward=False, times=times)

    def close(self) -> None:
        self._over = True
        socket.create_connection(self._server.getsockname()).close()
        for thread in self._threads:
            thread.join()
        self._server.close()

    def _serve(self) -> None:
        while True:
            client, _ = self._server.accept()
            if self._over:
                client.close()
                return
            thread = threading.Thread(target=self._one, args=(client,))
            self._threads.append(thread)
            thread.start()

    def _one(self, client: socket.socket) -> None:
        with client, client.makefile("rb") as reader:
            request = _read_request(reader)
            if not request:
                return
            with self._lock:
                self.requests.append(request.split(b"\r\n", 1)[0].decode())
                spoiled = next((one for one in self._spoiled if one.marker in request), None)
                if spoiled is not None:
                    self._spoiled.remove(spoiled)
            answer = self._forward(request) if spoiled is None or spoiled.forward else b""
            if spoiled is not None:
                answer = spoiled.answer(answer)
                if spoiled.reset:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with self._lock:
                line = request.split(b"\r\n", 1)[0].decode()
                self.answers.append((line, len(answer.partition(b"\r\n\r\n")[2])))
            if answer:
                client.sendall(answer)

    def _forward(self, request: bytes) -> bytes:
        # One request a connection: the end of the answer is then the end of the stream.
        head, _, body = request.partition(b"\r\n\r\n")
        lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
        with socket.create_connection(self._upstream) as upstream:
            upstream.sendall(b"\r\n".join([*lines, b"Connection: close", b"", body]))
            chunks = []
            while chunk := upstream.recv(65536):
                chunks.append(chunk)
        return b"".join(chunks)


def _read_request(reader: Any) -> bytes:
    head, length = b"", 0
    while not head.endswith(b"\r\n\r\n"):
        line = reader.readline()
        if not line:
            return b""
        head += line
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    return head + (reader.read(length) if length else b"")
