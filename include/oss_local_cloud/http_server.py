"""The HTTP server of each service: its settings, its time-outs, and the requests that it refuses itself.

A request that is no HTTP, or that never ends, reaches no application. It is refused here, in the service's own form.
A request that was received whole has no time limit here: a long poll is never cut.
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

HEADER_BYTES = 128 * 1024
"""Of request line and headers, about; the parser has no limit, and copies all it has at every piece of a long line."""

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
    """An HTTP server for one service.

    It leaves signals to the command line, sets `accepting` when it accepts connections, and closes connections with a
    request that stays unfinished.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.accepting = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then set `accepting`."""
        await super().startup(sockets)
        self.accepting.set()

    async def on_tick(self, counter: int) -> bool:
        """Check the connections once a second."""
        if counter % _TICKS_PER_SWEEP == 0:
            now = asyncio.get_running_loop().time()
            for connection in tuple(self.server_state.connections):
                cast(HttpProtocol, connection).end_if_stuck(now)
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield


class HttpProtocol(HttpToolsProtocol):
    """One connection. Its time-outs are checked once a second, so they cost a request nothing."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._received = False
        self._unread = 0
        self._objection: str | None = None
        self._waiting_for: object = self
        self._since = self.loop.time()

    def data_received(self, data: bytes) -> None:
        """Parse received bytes, and refuse headers that are too long."""
        self._received = True
        self._unread += len(data)
        super().data_received(data)
        if self._unread > HEADER_BYTES and self._in_headers() and not self.transport.is_closing():
            self._refuse("InvalidRequest", f"Request line and headers have more than {HEADER_BYTES} bytes.")

    def on_headers_complete(self) -> None:
        """Begin the request, unless it has a body and asks for another protocol."""
        if self.parser.should_upgrade() and any(_announces_body(*line) for line in self.headers):
            # httptools would skip the body, and an empty one be stored.
            self._objection = "A request with a body can't ask for another protocol (Connection: Upgrade)."
            raise ValueError(self._objection)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note that the request was received whole."""
        super().on_message_complete()
        self._unread = 0
        self.cycle.more_body = False  # uvicorn leaves it when the answer went first

    def send_400_response(self, msg: str) -> None:
        """Refuse a request that the parser can't read."""
        self._refuse("InvalidRequest", self._objection or msg)

    def end_if_stuck(self, now: float) -> None:
        """End the connection when its client leaves a request unfinished for too long."""
        received, self._received = self._received, False
        if self.transport is None or self.transport.is_closing():
            return
        awaited = self._awaited()
        in_headers = self._in_headers()
        if awaited is None or awaited is not self._waiting_for or (received and not in_headers):
            self._waiting_for, self._since = awaited, now
        elif now - self._since > (HEADER_SECONDS if in_headers else BODY_SECONDS):
            self._refuse(
                "RequestTimeout",
                "Your socket connection to the server was not read from or written to within the timeout period.",
            )
        if awaited is None and self._is_idle() and self.timeout_keep_alive_task is None:
            # What came behind the answer, such as the rest of a body that was refused, has stopped uvicorn's clock.
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _awaited(self) -> object:
        """What the client has to send next: headers, or the body of its last request (`cycle`).

        None when nothing is awaited, or an earlier request is still to be answered.
        """
        if self._in_headers():
            return (self.scope or self) if self._is_idle() else None
        return self.cycle if self.cycle.more_body and not self.pipeline and not self.flow.read_paused else None

    def _in_headers(self) -> bool:
        return self.scope is None or "method" not in self.scope

    def _is_idle(self) -> bool:
        """Whether every request whose headers are there was answered."""
        return self.cycle is None or self.cycle.response_complete

    def _refuse(self, code: str, message: str) -> None:
        """Close; respond first, unless the client could take that for (part of) the response to another request."""
        if self._is_idle() or (self.cycle.more_body and not self.cycle.response_started and not self.pipeline):
            lines, body = cast(_Config, self.config).refusal(400, code, message)
            head = [*self.server_state.default_headers, *lines, (b"content-length", str(len(body)).encode("ascii"))]
            written = b"".join(b"%b: %b\r\n" % line for line in (*head, (b"connection", b"close")))
            self.transport.write(b"%b%b\r\n%b" % (STATUS_LINE[400], written, body))
        self.transport.close()


def _announces_body(name: bytes, value: bytes) -> bool:
    return name == b"transfer-encoding" or (name == b"content-length" and value != b"0")


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
            proxy_headers=False,  # the client's address is that of the connection, whatever its headers say
            date_header=date_header,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
    )
