"""The server: the application over one installation, and the process that serves it."""

from __future__ import annotations

import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import msgspec
import uvicorn
from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from rarebit.app.home import Home
from rarebit.app.live import Live
from rarebit.core.errors import (
    AccessError,
    BusyError,
    ConflictError,
    InputError,
    NotFoundError,
    RarebitError,
    StateError,
)
from rarebit.web.access import LoginNeededError, guard
from rarebit.web.answer import answer, wants_json
from rarebit.web.body import TooLongError
from rarebit.web.elastic.errors import error_answer
from rarebit.web.gate import Gate
from rarebit.web.pace import Pace
from rarebit.web.routes import ROUTES
from rarebit.web.sight import Sight
from rarebit.web.tuning import Proposals

_STATUS: tuple[tuple[type[RarebitError], int], ...] = (
    (AccessError, 403),
    (NotFoundError, 404),
    (ConflictError, 409),
    (BusyError, 429),
    (StateError, 503),
)
_RETRY_SECONDS = 5
"""What senders are told to wait when there is no room."""


def make_app(
    home: Home, *, live: Live | None = None, secure: bool = False, product: bool = False, pace: Pace | None = None
) -> FastAPI:
    """The application.

    Parameters
    ----------
    home : Home
        Stays open as long as the application.
    live : Live, optional
        The worker; one that is not started where none is given.
    secure : bool
        Whether browsers come by TLS: cookies are then sent by TLS only.
    product : bool
        Whether answers carry the header ``X-Elastic-Product``.
    pace : Pace, optional
        How many requests a caller may make.
    """
    app = FastAPI(title="Rarebit", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.home, app.state.secure, app.state.sight = home, secure, Sight(home)
    app.state.proposals = Proposals(home)
    app.state.live, app.state.intakes, app.state.product = live or Live(home.path), 0, product
    app.state.pace = pace or Pace()
    for route in ROUTES:
        app.add_api_route(
            route.path,
            route.handler,
            methods=[route.method],
            dependencies=[Depends(guard(route.needs, route.kind))],
            response_model=None,
        )
    app.mount("/static", StaticFiles(packages=[("rarebit.web", "static")]), name="static")
    app.add_middleware(Gate, product=product)
    app.add_exception_handler(RarebitError, _refused)
    app.add_exception_handler(LoginNeededError, _login_first)
    app.add_exception_handler(TooLongError, _too_long)
    app.add_exception_handler(RequestValidationError, _odd)
    app.add_exception_handler(HTTPException, _no_page)
    app.add_exception_handler(Exception, _broken)
    return app


def _error(request: Request, error: Exception, status: int, what: str, hint: str = "") -> Response:
    """An error as a page, as JSON for programs, or in the form of Elasticsearch's API."""
    kind = getattr(request.state, "kind", None) or _kind(request.url.path)
    if kind == "page" and "authorization" in request.headers:
        kind = "api"  # a program sent a key, and reads no pages
    if kind.startswith("elastic"):
        found = error_answer(error, what, status)
    elif kind.startswith("api"):
        body = {"status": status, "error": what, "hint": hint}
        found = Response(msgspec.json.encode(body), status_code=status, media_type="application/json")
    else:
        found = answer(request, "error.html", {"status": status, "error": what, "hint": hint}, status=status)
    if isinstance(error, BusyError):
        found.headers["retry-after"] = str(_RETRY_SECONDS)
    return found


def _kind(path: str) -> str:
    """How errors look at an address that is no route."""
    return "elastic" if path.startswith("/_") else "api" if path.startswith("/api/") else "page"


def _refused(request: Request, error: Exception) -> Response:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 400)
    what, hint = (error.what, error.hint) if isinstance(error, RarebitError) else (str(error), "")
    return _error(request, error, status, what, hint)


def _login_first(request: Request, error: Exception) -> Response:
    for_programs = getattr(request.state, "kind", "page") != "page" or "authorization" in request.headers
    if for_programs or wants_json(request) or request.method != "GET":
        return _error(request, error, 401, "nobody is logged in, and no key that works was sent", "Log in first.")
    back = error.back if isinstance(error, LoginNeededError) else "/queue"
    return RedirectResponse(f"/login?back={quote(back, safe='')}", 303)


def _too_long(request: Request, error: Exception) -> Response:
    return _error(request, error, 413, "the request is longer than it may be", "Send it in parts.")


def _odd(request: Request, error: Exception) -> Response:
    parts = error.errors() if isinstance(error, RequestValidationError) else []
    told = "; ".join(f"{part['loc'][-1]}: {part['msg']}" for part in parts)
    return _refused(request, InputError(f"the address has a value that cannot be read: {told}"))


def _no_page(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    known = {404: "there is nothing at this address", 405: "this address cannot be asked for in this way"}
    what = known.get(status, str(error))
    hint = "See /api/openapi.json." if _kind(request.url.path) == "api" else "The queue is at /queue."
    found = _error(request, error, status, what, hint)
    found.headers.update((isinstance(error, HTTPException) and error.headers) or {})
    return found


def _broken(request: Request, error: Exception) -> Response:
    return _error(request, error, 500, "something broke here; the server's log says what", "Try again.")


def serve(
    home: Home,
    *,
    host: str,
    port: int,
    ready: Callable[[str], None],
    certificate: Path | None = None,
    key: Path | None = None,
    behind_tls: bool = False,
    live: Live | None = None,
    product: bool = False,
) -> None:
    """Serve until stopped; the worker, if there is one, works as long.

    Parameters
    ----------
    home : Home
    host, port
        Where to listen; port 0 takes a free one.
    ready : callable
        Told the address once it is taken, before the first request.
    certificate, key : Path, optional
        PEM files; with them it is TLS.
    behind_tls : bool
        Whether a proxy in front does TLS.
    live : Live, optional
        Worker to start and to stop.
    product : bool
        Whether answers carry the header ``X-Elastic-Product``.

    Raises
    ------
    InputError
        If the address cannot be taken, or certificate or key cannot be read.
    """
    if (certificate is None) != (key is None):
        raise InputError("a certificate needs its key, and a key its certificate", hint="Give --certificate and --key")
    config = uvicorn.Config(
        make_app(home, live=live, secure=certificate is not None or behind_tls, product=product),
        log_level=logging.WARNING,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="off",
        timeout_graceful_shutdown=5,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    try:
        config.load()
    except OSError as error:
        raise InputError(f"the certificate or its key cannot be read: {error}", where=str(certificate)) from error
    with contextlib.closing(listen(host, port)) as listening:
        scheme = "https" if certificate else "http"
        name = f"[{host}]" if ":" in host else host
        ready(f"{scheme}://{name}:{listening.getsockname()[1]}")
        # uvicorn raises the interrupt again after it has stopped in good order
        with _working(live), contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])


@contextlib.contextmanager
def _working(live: Live | None) -> Iterator[None]:
    """The worker, if there is one, works as long as the block lasts."""
    if live is None:
        yield
        return
    live.start()
    try:
        yield
    finally:
        live.stop()


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens at an address.

    Raises
    ------
    InputError
        If it cannot be taken.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind((host, port))
            listening.listen()  # who reads the address may come at once, and waits until the server is up
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise InputError(
            f"cannot listen there: {error.strerror or error}", where=f"{host}:{port}", hint="Choose another --port"
        ) from error
    return listening
