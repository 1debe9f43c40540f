"""Pages of keys: what programs may do here."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from rarebit.app import keys
from rarebit.core.errors import InputError
from rarebit.core.people import SCOPES
from rarebit.web.access import actor_of, form_of, home_of
from rarebit.web.answer import answer, wants_json


def keys_page(request: Request) -> Response:
    """All keys, without what they are."""
    return _page(request)


def make_key(request: Request) -> Response:
    """Make a key, and show it once."""
    form = form_of(request)
    scopes = [scope for scope in SCOPES if f"scope_{scope}" in form]
    days = form.get("days", "").strip()
    if days and not (days.isascii() and days.isdigit()):
        raise InputError(f"{days[:20]!r} is no number of days")
    made, shown = keys.make_key(
        home_of(request), form.get("name", ""), scopes, days=int(days) if days else None, actor=actor_of(request)
    )
    return _page(request, shown=shown, name=made.name)


def revoke_key(request: Request, key_id: str) -> Response:
    """Let a key work no more."""
    keys.revoke_key(home_of(request), key_id, actor=actor_of(request))
    return _page(request) if wants_json(request) else RedirectResponse("/keys", 303)


def _page(request: Request, *, shown: str = "", name: str = "") -> Response:
    lines = [keys.key_line(key) for key in home_of(request).store.keys.list()]
    return answer(request, "keys.html", {"keys": lines, "scopes": list(SCOPES), "shown": shown, "made": name})
