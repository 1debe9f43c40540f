"""What every request passes first: a limit on its size, the JSON twin of its path, and headers on its answer."""

from __future__ import annotations

import time
from asyncio import wait_for
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rarebit.web.body import LONGEST_INTAKE, LONGEST_JSON, TooLongError

LONGEST_BODY: Final = 64 << 10
BODY_SECONDS: Final = 60.0
"""How long a body may take to come, so that slow senders hold no place."""
TWIN: Final = ".json"
HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""On every answer. No script or style but our own files runs, and nothing is fetched from elsewhere."""
_TOLD: Final = {
    TooLongError: (413, b"The request is longer than it may be.\n"),
    TimeoutError: (408, b"The request took too long to come.\n"),
}


class Gate:
    """Wraps the application.

    Parameters
    ----------
    app : ASGI application
    product : bool
        Whether answers carry the header by which clients of Elasticsearch know it.
    seconds : float
        How long a body may take to come.
    """

    def __init__(self, app: ASGIApp, *, product: bool = False, seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._product = product
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = _twin(scope)
        started = False
        left = _longest(scope["path"])
        ends: float | None = time.monotonic() + self._seconds

        async def limited() -> Message:
            nonlocal left, ends
            message = await (receive() if ends is None else wait_for(receive(), ends - time.monotonic()))
            if not message.get("more_body", False):
                ends = None
            left -= len(message.get("body", b""))
            if left < 0:
                raise TooLongError
            return message

        async def dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                self._dress(scope["path"], MutableHeaders(scope=message))
            await send(message)

        try:
            await self._app(scope, limited, dressed)
        except (TooLongError, TimeoutError) as error:
            if started or (ends is None and isinstance(error, TimeoutError)):
                raise
            status, told = _TOLD[type(error)]
            head = [(b"content-type", b"text/plain"), (b"connection", b"close")]
            await dressed({"type": "http.response.start", "status": status, "headers": head})
            await send({"type": "http.response.body", "body": told})

    def _dress(self, path: str, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers[name] = value
        if self._product:
            headers["x-elastic-product"] = "Elasticsearch"
        if not path.startswith("/static/"):
            headers["cache-control"] = "no-store"


def _longest(path: str) -> int:
    """Most bytes of a body for a path: forms are short, definitions longer, events longest."""
    if path == "/api/events" or path.endswith("/_bulk"):
        return LONGEST_INTAKE
    return LONGEST_JSON if path.startswith(("/_", "/api/")) or path.endswith(("/_search", "/_count")) else LONGEST_BODY


def _twin(scope: Scope) -> Scope:
    """``/cases/1.json`` is ``/cases/1`` with its answer as JSON."""
    path: str = scope["path"]
    if not path.endswith(TWIN) or path.startswith(("/static/", "/api/", "/_")):
        return scope
    state = {**scope.get("state", {}), "twin": True}
    return {**scope, "path": path.removesuffix(TWIN) or "/", "state": state}
