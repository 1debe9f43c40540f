"""JSON of lists, read within limits."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from rarebit.core.errors import InputError
from rarebit.core.time import parse_time, to_us
from rarebit.intel.draft import MOST_BYTES


def read_bytes(path: Path) -> bytes:
    """A whole file of at most :data:`MOST_BYTES`.

    Raises
    ------
    InputError
        If it cannot be read, or is larger.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError("a list of more than 1 GB", where=str(path), hint="Import it in parts.")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the list: {error.strerror or error}", where=str(path)) from error


def parse(data: bytes, where: str) -> Any:  # noqa: ANN401 - JSON
    """JSON; nesting is bounded by the parser.

    Raises
    ------
    InputError
        If it is none.
    """
    try:
        return orjson.loads(data.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise InputError(f"not JSON: {error}", where=where) from error


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; nothing where it is none."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """A string as it is, anything else as nothing."""
    return value if isinstance(value, str) else ""


def moment(value: object) -> int | None:
    """Microseconds since 1970 of ISO 8601 or of seconds; None where there is no time."""
    if isinstance(value, bool) or value in (None, ""):
        return None
    try:
        if isinstance(value, int | float) or (isinstance(value, str) and value.lstrip("-").isdigit()):
            return to_us(datetime.fromtimestamp(float(value), UTC)) if float(value) else None
        return parse_time(value) if isinstance(value, str) and len(value) > _SPANS else None
    except (InputError, ValueError, OverflowError, OSError):
        return None


_SPANS = 7
"""Shorter texts are spans (``7d``), which mean nothing in a list."""


def number(value: object) -> float | None:
    """A number, or text of one; None for anything else."""
    try:
        return None if isinstance(value, bool) or not isinstance(value, int | float | str) else float(value)
    except ValueError:
        return None
