"""Keeps web pages away from the admin API, which asks for no password: a page may make a browser send requests here.

A browser names the page's origin with every request that could change something, and its relation to this address with
nearly all. No page of ours asks the API, so a request that names either comes from another's.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_OF_A_PERSON = frozenset({None, "none"})
"""`Sec-Fetch-Site` of a client that is no browser, and of an address that a person typed."""


class RefuseWebPages:
    """Middleware: 403 for a request that a web page made."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass the request on."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if "origin" in headers or headers.get("sec-fetch-site") not in _OF_A_PERSON:
                refusal = {"error": "requests of web pages are refused: use the command line, or AdminClient"}
                await JSONResponse(refusal, 403)(scope, receive, send)
                return
        await self._app(scope, receive, send)
