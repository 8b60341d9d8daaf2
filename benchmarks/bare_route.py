"""A bare Starlette route under the local cloud's own HTTP settings: what the object API is compared with."""

from __future__ import annotations

import asyncio
import socket

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from oss_local_cloud.http_server import http_server


async def nothing(request: Request) -> Response:
    """Answer any path with 200 and no body."""
    return Response()


async def main() -> None:
    """Serve on a free port until the process is ended; the port is the first line printed."""
    app = Starlette(routes=[Route("/{path:path}", nothing, methods=["HEAD"])])
    with socket.create_server(("127.0.0.1", 0), backlog=2048) as listener:
        serving = asyncio.create_task(http_server(app, date_header=True).serve([listener]))
        print(listener.getsockname()[1], flush=True)
        await serving


if __name__ == "__main__":
    asyncio.run(main())
