"""Safe pieces of DuckDB SQL: identifiers, strings, numbers and times."""

from __future__ import annotations

from rarebit.core.errors import QueryError
from rarebit.core.time import to_datetime
from rarebit.query.tree import Value


def identifier(name: str) -> str:
    """Quoted identifier.

    Raises
    ------
    QueryError
        If the name holds a NUL or half of a surrogate pair.
    """
    return '"' + _clean(name).replace('"', '""') + '"'


def string(text: str) -> str:
    """Quoted string.

    Raises
    ------
    QueryError
        If the text holds a NUL or half of a surrogate pair, which no stored text does.
    """
    return "'" + _clean(text).replace("'", "''") + "'"


def time(value_us: int) -> str:
    """Literal of a point in time, in microseconds since 1970."""
    return f"TIMESTAMPTZ '{to_datetime(value_us).replace(tzinfo=None).isoformat(sep=' ')}+00'"


def text_of(value: Value) -> str:
    """Text form of a value, as JSON writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else repr(value)


def disjunction(tests: list[str]) -> str:
    """Tests joined by OR; FALSE without any."""
    return tests[0] if len(tests) == 1 else "(" + " OR ".join(tests) + ")" if tests else "FALSE"


def _clean(text: str) -> str:
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise QueryError(f"{text[:80]!r} holds a NUL or half of a surrogate pair, which no stored text can hold")
    return text
