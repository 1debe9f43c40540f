"""Who is asking, and may they: the session's cookie or a key, the role a route needs, and proof that a form is ours."""

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
from rarebit.app.keys import find_key
from rarebit.app.live import Live
from rarebit.core.errors import AccessError, InputError
from rarebit.core.people import Account, ApiKey, key_may, may
from rarebit.web.body import LONGEST_JSON, read_body

CSRF: Final = "csrf"
CSRF_HEADER: Final = "x-rarebit-csrf"
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


def live_of(request: Request) -> Live:
    """The worker of the installation that is served."""
    live: Live = request.app.state.live
    return live


def key_of(request: Request) -> ApiKey | None:
    """The key that was sent, as the guard has found."""
    key: ApiKey | None = getattr(request.state, "key", None)
    return key


def actor_of(request: Request) -> str:
    """Name of who is logged in, or of the key; only for routes that need a role."""
    person, key = person_of(request), key_of(request)
    if key is not None:
        return f"key {key.name} ({key.id})"
    if person is None:
        raise AccessError("nobody is logged in")
    return person.name


def allowed(request: Request, needed: str) -> bool:
    """Whether whoever asks has at least a role."""
    person, key = person_of(request), key_of(request)
    if key is not None:
        return key_may(key.scopes, needed)
    return person is not None and may(person.role, needed)


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


def guard(needed: str | None, kind: str = "page") -> Callable[[Request], Awaitable[None]]:
    """A check to run before a route: at least the role needed, or anybody where it is None; and writes are meant.

    Of a browser's session that is shown by a secret in the form, or in a header where a program would call; a key is
    never sent by a browser on its own.
    """

    async def check(request: Request) -> None:
        request.state.kind = kind
        await run_in_threadpool(_recognise, request)
        person, key = person_of(request), key_of(request)
        request.app.state.pace.take(_caller(request))
        if kind == "page" and request.method == "POST":
            await _take_form(request, signed=needed is not None and person is not None)
        elif person is not None and request.method not in ("GET", "HEAD"):
            _own_script(request)
        if needed is None:
            return
        if person is None and key is None:
            raise LoginNeededError(_back(request))
        if not allowed(request, needed):
            who = (
                f"{person.name} is {person.role}"
                if person
                else f"the key is for {', '.join(key.scopes if key else ())}"
            )
            raise AccessError(f"this needs the role {needed}; {who}", hint="An admin can change that.")
        if kind in ("elastic", "api_json"):
            request.state.body = await read_body(request, LONGEST_JSON)

    return check


def _caller(request: Request) -> str:
    """Who is counted for the pace of requests: a key, a person, or an address where it is nobody known."""
    person, key = person_of(request), key_of(request)
    if key is not None:
        return f"key {key.id}"
    return f"person {person.name}" if person is not None else f"at {request.client.host if request.client else ''}"


def _recognise(request: Request) -> None:
    """Find out who asks: a key in the header counts before a session in the cookie."""
    request.state.person = request.state.key = None
    given = request.headers.get("authorization")
    if given is None:
        request.state.person = accounts.who(home_of(request), token_of(request))
        return
    scheme, _, shown = given.partition(" ")
    if scheme.lower() not in ("apikey", "bearer"):
        raise LoginNeededError(_back(request))
    request.state.key = find_key(home_of(request), shown.strip())
    if request.state.key is None:
        raise LoginNeededError(_back(request))


def _own_script(request: Request) -> None:
    if not hmac.compare_digest(request.headers.get(CSRF_HEADER, "").encode(), csrf_of(request).encode()):
        raise AccessError(
            f"a session must send its secret in {CSRF_HEADER}", hint="Programs use a key; nothing was changed."
        )


async def _take_form(request: Request, *, signed: bool) -> None:
    origin = request.headers.get("origin")
    if key_of(request) is None and (
        request.headers.get("sec-fetch-site") == "cross-site"
        or (origin is not None and urlsplit(origin).netloc != request.headers.get("host"))
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
