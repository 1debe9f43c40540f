"""What handlers of Elasticsearch's API share: parameters, times, pages, answers."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from fastapi import Request, Response

from rarebit.core.errors import InputError, RarebitError
from rarebit.core.time import parse_span, parse_time, to_datetime
from rarebit.web.body import int_of, json_of

MOST: Final = 10_000


def args_of(request: Request) -> dict[str, Any]:
    """What was asked: the object of the body, and over it the parameters of the address."""
    return json_of(request.state.body) | dict(request.query_params)


def body_of(request: Request) -> dict[str, Any]:
    """The object of the body."""
    return json_of(request.state.body)


def path_of(request: Request, name: str) -> str:
    """A part of the path."""
    return str(request.path_params.get(name, ""))


def flag_of(args: dict[str, Any], name: str, *, default: bool = False) -> bool:
    """A parameter that is true or false.

    Raises
    ------
    InputError
        If it is neither.
    """
    value = args.get(name, default)
    if value in (True, "true", ""):
        return True
    if value in (False, "false"):
        return False
    raise InputError(f"[{name}] must be true or false")


def moment_of(args: dict[str, Any], name: str) -> int | None:
    """Microseconds of a parameter: milliseconds since 1970, ISO 8601 or ``now``; None where it is absent.

    Raises
    ------
    InputError
        If it is no time.
    """
    value = args.get(name)
    if value is None:
        return None
    text = str(value)
    if text == "now":
        text = "0s"
    try:
        found = int(text) * 1000 if text.lstrip("-").isdigit() else parse_time(text)
        to_datetime(found)
    except (OverflowError, ValueError) as error:
        raise InputError(f"[{name}] is no time: {text[:40]!r}") from error
    return found


def number_of(args: dict[str, Any], name: str) -> float | None:
    """A number; None where it is absent.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        return float(args[name]) if name in args else None
    except (TypeError, ValueError) as error:
        raise InputError(f"[{name}] is no number") from error


def page_of(args: dict[str, Any]) -> tuple[int, int]:
    """First item and number of items: ``from`` and ``size``, or those of ``page``."""
    page = args.get("page") or {}
    if not isinstance(page, dict):
        raise InputError("[page] is an object")
    start = int_of(args.get("from", page.get("from", 0)), "from", least=0, most=MOST)
    size = int_of(args.get("size", page.get("size", 100)), "size", least=0, most=MOST)
    if start + size > MOST:
        raise InputError(f"[from] and [size] reach no further than {MOST:,}")
    return start, size


def sort_of(args: dict[str, Any], known: tuple[str, ...], *, falls: bool = True) -> tuple[str, bool]:
    """Field to sort by, the first of those known where none is said, and whether it falls."""
    name = str(args.get("sort", known[0]))
    if name not in known:
        raise InputError(f"[sort] by [{name[:60]}] is not supported", hint=f"One of {', '.join(known)}")
    return name, flag_of(args, "desc", default=falls)


def reply(body: object, status: int = 200) -> Response:
    """JSON."""
    return Response(msgspec.json.encode(body), status_code=status, media_type="application/json")


def done() -> Response:
    """``{"acknowledged": true}``."""
    return reply({"acknowledged": True})


def span_of(args: dict[str, Any], name: str) -> int | None:
    """Microseconds of a length of time such as ``1h``; None where it is absent.

    Raises
    ------
    InputError
        If it is none.
    """
    value = args.get(name)
    if value is None:
        return None
    try:
        return parse_span(str(value))
    except RarebitError as error:
        raise InputError(f"[{name}] is no length of time: {str(value)[:40]!r}") from error


def refuse_given(args: dict[str, Any], names: tuple[str, ...], why: str) -> None:
    """Refuse parameters that would not be acted on.

    Raises
    ------
    InputError
        If one is given, and not as false or empty.
    """
    for name in names:
        if args.get(name) not in (None, False, "false", ""):
            raise InputError(f"[{name}] is not supported here: {why}", hint="See docs/elastic-api.md.")
