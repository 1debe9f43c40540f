"""How an answer looks: a page, or the same data as JSON."""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec
from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from rarebit.app.entities import KIND_OF
from rarebit.core.people import may
from rarebit.core.rate import rate
from rarebit.core.time import iso
from rarebit.web.access import csrf_of, person_of
from rarebit.web.sight import sight_of

Data = dict[str, Any]
THEMES: Final = ("dark", "light")
ZONES: Final = ("utc", "local")
_TOLD: Final = "rarebit_told"
_TOLD_SECONDS: Final = 60
_LONGEST_TOLD: Final = 500


def shown(text: str) -> str:
    """The text with every character that cannot be seen, or turns what follows around, written out."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def answer(request: Request, template: str, data: Data, *, status: int = 200) -> Response:
    """The page of a template over plain data, or the data."""
    if wants_json(request):
        return Response(msgspec.json.encode(data), status_code=status, media_type="application/json")
    person = person_of(request)
    page = {
        "person": person,
        "csrf": csrf_of(request),
        "theme": _one_of(request.cookies.get("rarebit_theme"), THEMES),
        "zone": _one_of(request.cookies.get("rarebit_zone"), ZONES) or "utc",
        "told": unquote(request.cookies.get(_TOLD, "")) if person else "",
        "path": request.url.path,
        "sight": sight_of(request) if person else None,
        "may": lambda needed: person is not None and may(person.role, needed),
    }
    made = Response(_pages.get_template(template).render(**data, page=page), status, media_type="text/html")
    if page["told"]:
        made.delete_cookie(_TOLD, path="/")
    return made


def done(request: Request, path: str, told: str) -> Response:
    """To a page after a change, which says once what the change did."""
    moved = RedirectResponse(path, 303)
    moved.set_cookie(
        _TOLD, quote(told[:_LONGEST_TOLD]), max_age=_TOLD_SECONDS, path="/", secure=request.app.state.secure,
        httponly=True, samesite="lax",
    )  # fmt: skip
    return moved


def wants_json(request: Request) -> bool:
    """Whether the path ended in ``.json`` or ``format=json`` was asked for."""
    return bool(getattr(request.state, "twin", False)) or request.query_params.get("format") == "json"


def plain(value: object) -> Any:  # noqa: ANN401 - JSON
    """Structs as plain data."""
    return msgspec.to_builtins(value)


def _one_of(value: str | None, known: tuple[str, ...]) -> str:
    return value if value in known else ""


def _out(value: object) -> object:
    if value is None:
        return ""
    return value if isinstance(value, Markup) else shown(str(value))


def _when(text: str | None) -> Markup:
    """A moment; the script shows it in the reader's own zone if that is asked for."""
    if not text:
        return Markup("")
    words = shown(text[:19].replace("T", " "))
    return Markup('<time datetime="{}">{}</time>').format(shown(text), words)


def _pretty(value: object) -> Markup:
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return Markup("\n").join(escape(shown(line)) for line in text.split("\n"))


def _number(value: float | None) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.4g}" if abs(value) < 1e5 else f"{value:,.0f}"  # noqa: PLR2004


def _megabytes(value: int) -> str:
    return f"{value / 1e6:,.1f}"


def _pages_of() -> Environment:
    made = Environment(
        loader=PackageLoader("rarebit.web"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_out,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        when=_when, pretty=_pretty, number=_number, rate=rate, moment=iso, mb=_megabytes, compact=json.dumps
    )
    made.globals["kind_of"] = KIND_OF.get
    return made


_pages = _pages_of()
