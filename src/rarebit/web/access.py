"""Who is asking, and may they: the session's cookie, the role a route needs, and proof that a form is ours."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import parse_qsl, quote, urlsplit

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from rarebit.app import accounts
from rarebit.app.home import Home
from rarebit.core.errors import AccessError, InputError
from rarebit.core.people import Account, may

CSRF: Final = "csrf"
_FIELDS: Final = 40


class LoginNeededError(Exception):
    """Nobody is logged in; ``back`` is where to go after."""

    def __init__(self, back: str) -> None:
        self.back = back
        super().__init__(back)


def home_of(request: Request) -> Home:
    """The installation that is served."""
    home: Home = request.app.state.home
    return home


def person_of(request: Request) -> Account | None:
    """Who is logged in, as the guard has found."""
    person: Account | None = getattr(request.state, "person", None)
    return person


def actor_of(request: Request) -> str:
    """Name of who is logged in; only for routes that need a role."""
    person = person_of(request)
    if person is None:
        raise AccessError("nobody is logged in")
    return person.name


def form_of(request: Request) -> dict[str, str]:
    """Fields of the form that was sent."""
    form: dict[str, str] = request.state.form
    return form


def cookie_name(request: Request) -> str:
    """Name of the session's cookie; a browser takes ``__Host-`` only with Secure and for this host alone."""
    return "__Host-rarebit" if request.app.state.secure else "rarebit"


def token_of(request: Request) -> str:
    """The session's token, or nothing."""
    return request.cookies.get(cookie_name(request), "")


def csrf_of(request: Request) -> str:
    """What a form must send back to show that it was made for this session."""
    token = token_of(request)
    return hmac.new(token.encode("utf-8", "replace"), b"rarebit form", hashlib.sha256).hexdigest() if token else ""


def set_cookie(request: Request, response: Response, token: str) -> Response:
    """Give the browser a session, or take it away with an empty token."""
    response.set_cookie(
        cookie_name(request),
        token,
        max_age=accounts.SESSION_US // 1_000_000 if token else 0,
        path="/",
        secure=request.app.state.secure,
        httponly=True,
        samesite="lax",
    )
    return response


def guard(needed: str | None) -> Callable[[Request], Awaitable[None]]:
    """A check to run before a route: at least the role needed, or anybody where it is None; and forms are ours."""

    async def check(request: Request) -> None:
        person = await run_in_threadpool(accounts.who, home_of(request), token_of(request))
        request.state.person = person
        if request.method == "POST":
            await _take_form(request, signed=needed is not None and person is not None)
        if needed is None:
            return
        if person is None:
            raise LoginNeededError(_back(request))
        if not may(person.role, needed):
            raise AccessError(
                f"this needs the role {needed}; {person.name} is {person.role}", hint="An admin can change that."
            )

    return check


async def _take_form(request: Request, *, signed: bool) -> None:
    origin = request.headers.get("origin")
    if request.headers.get("sec-fetch-site") == "cross-site" or (
        origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    ):
        raise AccessError("a form of another site was sent here", hint="Nothing was changed.")
    body = await request.body()
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, max_num_fields=_FIELDS, strict_parsing=bool(body)
        )
    except ValueError as error:
        raise InputError("that is no form", hint="Send application/x-www-form-urlencoded.") from error
    request.state.form = dict(pairs)
    if signed and not hmac.compare_digest(request.state.form.get(CSRF, "").encode(), csrf_of(request).encode()):
        raise AccessError("the form is not of this session", hint="Load the page again; nothing was changed.")


def _back(request: Request) -> str:
    path = quote(request.url.path)
    return f"{path}?{request.url.query}" if request.url.query else path


def local_path(text: str) -> str:
    """The text if it is a path of this site, else the queue: a login must not lead elsewhere."""
    plain = text.startswith("/") and not text.startswith("//") and "\\" not in text and text.isprintable()
    return text if plain else "/queue"
