"""JSON documents that people hand in: job definitions, filter lists, calendars."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from rarebit.core.errors import DefinitionError, InputError
from rarebit.core.job import Json

_MAX_BYTES: Final = 16 << 20
_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9_.-]{0,253}[a-z0-9])?")


def read_json(path: Path, what: str) -> Any:  # noqa: ANN401
    """Content of a JSON file; ``what`` it should be is said in errors.

    Raises
    ------
    InputError
        If it cannot be read, is larger than 16 MB, or is not JSON.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"a {what} of more than 16 MB", where=str(path))
        return msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"not a {what}: {error}", where=str(path)) from error


def objects(document: Any, key: str, where: str) -> list[tuple[str, Json]]:  # noqa: ANN401
    """The objects of a document, each with its place: one, a list of them, or a list under a key.

    Raises
    ------
    DefinitionError
        If it is none of these, or empty.
    """
    if isinstance(document, Mapping) and isinstance(document.get(key), list):
        found = [(f"{where}.{key}[{at}]", item) for at, item in enumerate(document[key])]
    elif isinstance(document, list):
        found = [(f"{where}[{at}]", item) for at, item in enumerate(document)]
    else:
        found = [(where, document)]
    if not found:
        raise DefinitionError("there is nothing in it", where=where)
    for place, item in found:
        if not isinstance(item, Mapping):
            raise DefinitionError(f"expected an object, found {type(item).__name__}", where=place)
    return [(place, dict(item)) for place, item in found]


def parse_id(text: object, what: str, where: str = "") -> str:
    """An id as Elastic allows: lower-case letters, digits, and ``_``, ``-`` and ``.`` between them.

    Raises
    ------
    DefinitionError
        If it is none.
    """
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise DefinitionError(
            f"{text!r} cannot name a {what}", where=where, hint="Use lower-case letters, digits, '_', '-' and '.'."
        )
    return text
