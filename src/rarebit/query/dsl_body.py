"""Checks of the JSON inside a clause of the Query DSL; each error names the JSON path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from rarebit.core.errors import QueryError
from rarebit.query.tree import MAX_TEXT, Value

Json = Mapping[str, Any]

SCORING: Final = frozenset({"boost", "_name", "rewrite"})
"""Parameters that change scores, names or speed but never which events match."""


def as_object(value: Any, where: str) -> Json:  # noqa: ANN401 - JSON from outside
    """The value as a JSON object."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise QueryError("an object is needed here", where=where)
    return value


def shown(name: object) -> str:
    """Name from outside, short and fit to print."""
    return str(name)[:80].encode("utf-8", "backslashreplace").decode("utf-8")


def only(body: Json, where: str, *allowed: str) -> None:
    """Refuse parameters of a clause that are neither allowed nor about scoring."""
    for key in body:
        if key not in allowed and key not in SCORING:
            raise QueryError(
                f"the parameter {shown(key)!r} is not supported",
                where=f"{where}.{shown(key)}",
                hint="Supported are " + ", ".join(sorted({*allowed, *SCORING})) + ".",
            )


def one_field(body: Json, where: str, key: str, *allowed: str) -> tuple[str, Any, Json]:
    """Field, value and other parameters of ``{field: value}`` or ``{field: {key: value, …}}``."""
    rest = {name: value for name, value in body.items() if name not in SCORING}
    if len(rest) != 1:
        raise QueryError("one field is needed here", where=where)
    field, value = next(iter(rest.items()))
    as_name(field, where)
    if not isinstance(value, Mapping):
        return field, value, {}
    inner = f"{where}.{field}"
    only(as_object(value, inner), inner, key, *allowed)
    if key not in value:
        raise QueryError(f"{key} is needed here", where=inner)
    return field, value[key], value


def as_name(field: object, where: str) -> str:
    """The value as the name of a field."""
    if not isinstance(field, str) or not field or len(field) > 1000 or any(char < " " for char in field):  # noqa: PLR2004
        raise QueryError(f"{str(field)[:80]!r} is not the name of a field", where=where)
    return as_text(field, where)


def as_value(value: Any, where: str) -> Value:  # noqa: ANN401 - JSON from outside
    """The value as what a leaf compares with."""
    if isinstance(value, str):
        return as_text(value, where)
    if isinstance(value, bool | float) or (isinstance(value, int) and abs(value) < 1 << 128):
        return value
    raise QueryError("a text, number, true or false is needed here", where=where)


def as_text(value: Any, where: str) -> str:  # noqa: ANN401 - JSON from outside
    """The value as a text."""
    if not isinstance(value, str):
        raise QueryError("a text is needed here", where=where)
    if len(value) > MAX_TEXT:
        raise QueryError(f"a text has {len(value)} characters, more than {MAX_TEXT}", where=where)
    if "\0" in value or any("\ud800" <= char <= "\udfff" for char in value):
        raise QueryError("a text holds a NUL or half of a surrogate pair, which no stored text can hold", where=where)
    return value


def as_flag(body: Json, key: str, where: str) -> bool:
    """A parameter as true or false; false if not given."""
    value = body.get(key, False)
    if value in {"true", "false"} if isinstance(value, str) else isinstance(value, bool):
        return value in {True, "true"}
    raise QueryError("true or false is needed here", where=f"{where}.{key}")
