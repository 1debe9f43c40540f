"""What every request passes first: a limit on its size, the JSON twin of its path, and headers on its answer."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST_BODY: Final = 64 << 10
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


class _TooLongError(Exception):
    """More bytes than any form of ours has."""


class Gate:
    """Wraps the application.

    Parameters
    ----------
    app : ASGI application
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass one request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = _twin(scope)
        started = False
        left = LONGEST_BODY

        async def limited() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise _TooLongError
            return message

        async def dressed(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                if not scope["path"].startswith("/static/"):
                    headers["cache-control"] = "no-store"
            await send(message)

        try:
            await self._app(scope, limited, dressed)
        except _TooLongError:
            if started:
                raise
            await dressed({"type": "http.response.start", "status": 413, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"The request is longer than any form here.\n"})


def _twin(scope: Scope) -> Scope:
    """``/cases/1.json`` is ``/cases/1`` with its answer as JSON."""
    path: str = scope["path"]
    if not path.endswith(TWIN) or path.startswith("/static/"):
        return scope
    state = {**scope.get("state", {}), "twin": True}
    return {**scope, "path": path.removesuffix(TWIN) or "/", "state": state}
