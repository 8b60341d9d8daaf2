"""The open connections of one HTTP server, so that one of them can be reset instead of answered.

ASGI has no message for this. The server's protocol class also registers its transport by the client's address, which
an application finds in its scope.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import cast

from starlette.types import Scope

from oss_local_cloud.http_server import HttpProtocol

_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 seconds: close sends RST and drops what was not sent


class Connections:
    """The open connections of the server that runs `protocol()`."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[HttpProtocol]:
        """The HTTP protocol class to give to uvicorn."""
        known = self._open

        class RememberedProtocol(HttpProtocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
                self._address = cast("tuple[str, int]", tuple(transport.get_extra_info("peername")[:2]))
                known[self._address] = transport
                super().connection_made(transport)

            def connection_lost(self, reason: Exception | None) -> None:
                known.pop(self._address, None)
                super().connection_lost(reason)

        return RememberedProtocol

    def reset(self, scope: Scope) -> None:
        """Send RST on the connection of a request; does nothing when it is closed already."""
        transport = self._open.get(tuple(scope["client"]))
        if transport is not None:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            transport.abort()
