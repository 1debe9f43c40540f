"""Bodies of requests of programs: decompressed, within limits, as JSON."""

from __future__ import annotations

import zlib
from typing import Any, Final

import orjson
from fastapi import Request

from rarebit.core.errors import InputError

LONGEST_INTAKE: Final = 64 << 20
"""Bytes of events in one request, decompressed."""
LONGEST_JSON: Final = 1 << 20
"""Bytes of a definition or a query."""
DEEPEST: Final = 64
"""Levels of a definition or a query."""


class TooLongError(Exception):
    """A body is longer than it may be."""


async def read_body(request: Request, longest: int) -> bytes:
    """The body, decompressed if its sender says it is gzip.

    Raises
    ------
    TooLongError
        If it is longer, or would be once decompressed.
    InputError
        If it is compressed in another way, or damaged.
    """
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "", "gzip"):
        raise InputError(f"the content encoding {coding[:40]!r} cannot be read", hint="Send gzip or none.")
    opened = zlib.decompressobj(wbits=31) if coding == "gzip" else None
    parts: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            part = chunk if opened is None else opened.decompress(chunk, longest - size + 1)
            size += len(part)
            if size > longest or (opened is not None and opened.unconsumed_tail):
                raise TooLongError
            parts.append(part)
    except zlib.error as error:
        raise InputError(f"the gzip body is damaged: {error}") from error
    if opened is not None and size and not opened.eof:
        raise InputError("the gzip body is cut short")
    return b"".join(parts)


def json_of(body: bytes) -> dict[str, Any]:
    """The object of a body; empty where there is no body.

    Raises
    ------
    InputError
        If it is not one JSON object.
    """
    if not body.strip():
        return {}
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InputError(f"the body is not JSON: {error}") from error
    if type(found) is not dict:
        raise InputError("the body is not a JSON object")
    if body.count(b"{") + body.count(b"[") > DEEPEST and _deeper(found):
        raise InputError(f"the body is nested deeper than {DEEPEST} levels")
    return found


def _deeper(value: object) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for each in level
            for inner in (each.values() if isinstance(each, dict) else each if isinstance(each, list) else ())
        ]
        if not level:
            return False
    return True


def int_of(value: Any, name: str, *, least: int, most: int) -> int:  # noqa: ANN401 - from outside
    """A whole number of a body or an address.

    Raises
    ------
    InputError
        If it is none, or lies outside its bounds.
    """
    try:
        number = int(value) if not isinstance(value, bool) else None
    except (TypeError, ValueError):
        number = None
    if number is None or not least <= number <= most:
        raise InputError(f"[{name}] must be a number from {least} to {most}")
    return number
