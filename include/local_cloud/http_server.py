"""The HTTP server in front of each service: its settings, its time-outs, and what it refuses by itself.

A request that is no HTTP, or that never comes to its end, reaches no application; it is answered here, in the shape
of the service. How long a request may take once it is whole is the application's business: a long poll is never
cut.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEADER_SECONDS = 30.0
"""From the first byte of a request (the beginning, for the first one) until its headers are there."""

BODY_SECONDS = 60.0
"""Without a byte of a body that is not whole yet."""

KEEP_ALIVE_SECONDS = 75
"""Between two requests of one connection."""

_SHUTDOWN_SECONDS = 5
_TICKS_PER_SWEEP = 10  # uvicorn's ticks are a tenth of a second

Lines = Sequence[tuple[bytes, bytes]]
Refusal = Callable[[int, str, str], tuple[Lines, bytes]]
"""Headers and body of a service's error, given status, code and message."""


class HttpServer(uvicorn.Server):
    """A server that leaves signals to the command line, says when it accepts connections, and ends those that
    hang.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.accepting.set()

    async def on_tick(self, counter: int) -> bool:
        if counter % _TICKS_PER_SWEEP == 0:
            now = asyncio.get_running_loop().time()
            for connection in tuple(self.server_state.connections):
                cast(HttpProtocol, connection).end_if_stuck(now)
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpProtocol(HttpToolsProtocol):
    """One connection. It is looked at once a second, so that a request costs nothing for it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._heard = False
        self._waiting_for: object = None
        self._since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        self._heard = True
        super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """What the parser can't read."""
        self._refuse(400, "InvalidRequest", msg)

    def end_if_stuck(self, now: float) -> None:
        """End the connection when its client leaves a request unfinished for too long."""
        heard, self._heard = self._heard, False
        if self.transport is None or self.transport.is_closing():
            return
        in_headers = self.scope is None or "method" not in self.scope
        awaited: object = self.scope if in_headers else self.cycle
        if awaited is not self._waiting_for or (not in_headers and (heard or not self._awaits_body())):
            self._waiting_for, self._since = awaited, now
        elif now - self._since > (HEADER_SECONDS if in_headers else BODY_SECONDS):
            self._refuse(
                400,
                "RequestTimeout",
                "Your socket connection to the server was not read from or written to within the timeout period.",
            )

    def _awaits_body(self) -> bool:
        """Whether the client is to go on: its body is not whole and is being read, or was refused unread."""
        if self.cycle.response_complete:
            return self.timeout_keep_alive_task is None
        return self.cycle.more_body and not self.flow.read_paused

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer unless an answer is under way, and close."""
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            lines, body = cast(_Config, self.config).refusal(status, code, message)
            head = [*self.server_state.default_headers, *lines, (b"content-length", str(len(body)).encode("ascii"))]
            written = b"".join(b"%b: %b\r\n" % line for line in (*head, (b"connection", b"close")))
            self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[status], written, body))
        self.transport.close()


class _Config(uvicorn.Config):
    def __init__(self, app: ASGIApp, refusal: Refusal, **settings: Any) -> None:
        super().__init__(app, **settings)
        self.refusal = refusal


def plain_text(status: int, code: str, message: str) -> tuple[Lines, bytes]:
    """The refusal of a service without a shape of its own."""
    return [(b"content-type", b"text/plain")], f"{code}: {message}".encode()


def http_server(
    app: ASGIApp,
    *,
    date_header: bool,
    refusal: Refusal = plain_text,
    protocol: type[HttpProtocol] = HttpProtocol,
) -> HttpServer:
    """An HTTP server with the settings that all services have."""
    return HttpServer(
        _Config(
            app,
            refusal,
            http=protocol,
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # a client is who connected, whatever it says
            date_header=date_header,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
    )
