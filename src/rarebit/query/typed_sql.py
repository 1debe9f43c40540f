"""SQL tests over numbers, truth values and times. A value that is not of the field's type is refused."""

from __future__ import annotations

import math
import re
from typing import Final

from rarebit.core.errors import QueryError
from rarebit.core.fields import Kind
from rarebit.query import literal
from rarebit.query.dates import date_span
from rarebit.query.text_sql import keyword_test
from rarebit.query.tree import Exists, Leaf, Match, Phrase, Prefix, Range, Regexp, Term, Terms, Value, Wildcard

_NUMBER: Final = re.compile(r"[+-]?(?:\d{1,40}(?:\.\d{0,40})?|\.\d{1,40})(?:[eE][+-]?\d{1,3})?", re.ASCII)
_WHOLE: Final = re.compile(r"[+-]?\d{1,40}", re.ASCII)
_HUGE: Final = 1 << 64
_MOST: Final = 1.7976931348623157e308
_LONG: Final = range(-(1 << 63), 1 << 63)


def typed_test(leaf: Leaf, kind: Kind, column: str, *, now_us: int) -> str:
    """SQL for a leaf over a column of numbers, truth values or times.

    Parameters
    ----------
    leaf : Leaf
        The test.
    kind : Kind
        LONG, DOUBLE, BOOLEAN or DATE.
    column : str
        Quoted column. Where it is NULL, so may be the result.
    now_us : int
        What ``now`` means, in microseconds since 1970.

    Raises
    ------
    QueryError
        If a value is not of the kind, or the kind has no such test.
    """
    if isinstance(leaf, Exists):
        return f"{column} IS NOT NULL"
    if isinstance(leaf, Prefix | Wildcard | Regexp):
        if kind is not Kind.LONG:
            raise QueryError(f"{leaf.field} is a {kind.value}, which has no {type(leaf).__name__.lower()} query")
        return keyword_test(leaf, f"CAST({column} AS VARCHAR)")
    if kind is Kind.DATE:
        return _dates(leaf, column, now_us)
    if kind is Kind.BOOLEAN:
        return _booleans(leaf, column)
    return _numbers(leaf, column, whole=kind is Kind.LONG)


def number(value: Value, field: str) -> int | float:
    """Number of a value, whole ones as int.

    Raises
    ------
    QueryError
        If it is none, or not a finite one.
    """
    found = as_number(value)
    if found is None:
        raise QueryError(f"{str(value)[:80]!r} is not a number, and {field} holds numbers")
    return found


def as_number(value: Value) -> int | float | None:
    """Number of a value, whole ones as int; None if it is none, or not a finite one."""
    if isinstance(value, str):
        text = value.strip()
        if not _NUMBER.fullmatch(text):
            return None
        value = int(text) if _WHOLE.fullmatch(text) else float(text)
    if isinstance(value, bool) or not -_MOST <= value <= _MOST:
        return None
    return int(value) if float(value).is_integer() and abs(value) < _HUGE else value


def _values(leaf: Leaf) -> list[Value]:
    match leaf:
        case Term(value=value) | Match(text=value) | Phrase(text=value):
            return [value]
        case Terms(values=values):
            return list(values)
    raise TypeError(leaf)


def _numbers(leaf: Leaf, column: str, *, whole: bool) -> str:
    if isinstance(leaf, Range):
        return _number_range(leaf, column, whole=whole)
    numbers = [number(value, leaf.field) for value in _values(leaf)]
    wanted = [repr(value) for value in numbers if not whole or (isinstance(value, int) and value in _LONG)]
    return f"{column} IN ({', '.join(wanted)})" if wanted else "FALSE"


def _number_range(leaf: Range, column: str, *, whole: bool) -> str:
    tests = []
    for name, sign, inward in (
        ("gt", ">", "floor"),
        ("gte", ">=", "ceil"),
        ("lt", "<", "ceil"),
        ("lte", "<=", "floor"),
    ):
        bound = getattr(leaf, name)
        if bound is None:
            continue
        value = number(bound, leaf.field)
        if whole:
            # A whole bound keeps the comparison one of integers, which Parquet's statistics can answer.
            value = max(-_HUGE, min(_HUGE, getattr(math, inward)(value)))
        tests.append(f"{column} {sign} {value!r}")
    return f"({' AND '.join(tests)})" if tests else f"{column} IS NOT NULL"


def _booleans(leaf: Leaf, column: str) -> str:
    if isinstance(leaf, Range):
        raise QueryError(f"{leaf.field} is true or false, which has no range query")
    wanted = set()
    for value in _values(leaf):
        text = literal.text_of(value)
        if text not in {"true", "false"}:
            raise QueryError(f"{text[:80]!r} is neither true nor false, and {leaf.field} holds only those")
        wanted.add(text)
    return literal.disjunction([f"{column} = {text}" for text in sorted(wanted)])


def _dates(leaf: Leaf, column: str, now_us: int) -> str:
    if isinstance(leaf, Range):
        return date_range(leaf, column, now_us)
    spans = [date_span(value, now_us=now_us) for value in _values(leaf)]
    tests = [f"({column} >= {literal.time(start)} AND {column} < {literal.time(stop)})" for start, stop in spans]
    return literal.disjunction(tests)


def date_range(leaf: Range, column: str, now_us: int) -> str:
    """SQL for a range of times over a column of TIMESTAMPTZ, in plain comparisons."""
    tests = []
    for name, sign, end in (("gt", ">=", 1), ("gte", ">=", 0), ("lt", "<", 0), ("lte", "<", 1)):
        bound = getattr(leaf, name)
        if bound is not None:
            tests.append(
                f"{column} {sign} {literal.time(date_span(bound, now_us=now_us, time_zone=leaf.time_zone)[end])}"
            )
    return " AND ".join(tests) if tests else f"{column} IS NOT NULL"
