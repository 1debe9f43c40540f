"""The page to hunt on: search and stack, each state with its address."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response

from rarebit.app import hunt
from rarebit.app.home import Home
from rarebit.core.errors import InputError, QueryError
from rarebit.core.event_line import event_line
from rarebit.core.time import iso
from rarebit.web.access import home_of
from rarebit.web.answer import Data, answer, plain
from rarebit.web.look import LANGUAGES, MOST, SHOWN, check_language, moment

_FIELDS = (
    "process.name", "process.executable", "process.parent.name", "process.command_line", "process.hash.sha256",
    "user.name", "host.name", "source.ip", "destination.ip", "destination.domain", "dns.question.name",
    "event.action", "event.code", "service.name", "registry.path", "file.path", "job_id", "function",
)  # fmt: skip
"""Offered to stack by; any other may be written."""


def hunt_page(
    request: Request,
    over: str = "events",
    where: str = "",
    language: str = "kql",
    since: str = "",
    until: str = "",
    stack: str = "",
    limit: int = SHOWN,
) -> Response:
    """Events, records or first-seen values by query, or stacked by a field, the least frequent first."""
    home, limit, stack = home_of(request), max(1, min(limit, MOST)), stack.strip()
    if over not in hunt.OVER:
        raise InputError(f"{over!r} cannot be hunted over", hint=f"One of {', '.join(hunt.OVER)}")
    check_language(language)
    asked = {"over": over, "where": where, "language": language, "since": since, "until": until, "stack": stack}
    span = hunt.span_of(home, moment(since), moment(until))
    data: Data = {
        "asked": asked | {"limit": limit},
        "overs": list(hunt.OVER),
        "languages": list(LANGUAGES),
        "fields": list(_FIELDS),
        "span": [iso(at) for at in span],
        "found": None,
        "trouble": "",
        "base": urlencode({name: value for name, value in asked.items() if value and name not in ("stack", "where")}),
    }
    status = 200
    if where or (stack and over != "memory"):
        try:
            data["found"] = _found(home, asked, span, limit)
        except QueryError as error:  # the query stays before the eyes of who wrote it
            data["trouble"], status = f"{error.what}. {error.hint}".strip(), 400
    return answer(request, "hunt.html", data, status=status)


def _found(home: Home, asked: dict[str, str], span: tuple[int, int], limit: int) -> Data:
    over, where, language = asked["over"], asked["where"] or "*", asked["language"]
    if over == "memory":
        return _data(hunt.hunt_memory(home, where, language, limit=limit))  # type: ignore[arg-type]
    look = hunt.hunt_events if over == "events" else hunt.hunt_records
    found = look(home, where, language, span=span, stack=asked["stack"], limit=limit)  # type: ignore[arg-type]
    data = _data(found)
    if over == "events" and not asked["stack"]:
        data["rows"] = [{"line": plain(event_line(event)), "event": event} for event in found.rows]
    return data


def _data(found: hunt.Found) -> dict[str, Any]:
    made: dict[str, Any] = plain(found)
    return made
