"""SQL tests over fields without a column, which lie in the JSON text of :data:`rarebit.core.fields.REST`."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from rarebit.core.errors import QueryError
from rarebit.core.fields import REST
from rarebit.query import literal
from rarebit.query.dates import is_date
from rarebit.query.text_sql import keyword_test
from rarebit.query.tree import Exists, Leaf, Match, Phrase, Range, Term, Terms, Value
from rarebit.query.typed_sql import as_number, date_range

_SIMPLE: Final = re.compile(r"[A-Za-z0-9_.@-]+", re.ASCII)
_JSON_NUMBER: Final = r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_EXACT: Final = 1 << 53
_ZONE: Final = ":.*(?:[Zz]|[+-][0-9:]+)$"
_NUMERIC: Final = "('UBIGINT', 'BIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE')"
_BOUNDS: Final = (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<="))


class _Json(NamedTuple):
    """SQL for the text and for the type of one JSON value."""

    text: str
    kind: str


_ITEM: Final = _Json("json_extract_string(e, '$')", "json_type(e)")


def rest_test(leaves: tuple[Leaf, ...], *, now_us: int) -> str:
    """SQL for any of some leaves over any value of their one field in the JSON column; never NULL.

    Numbers compare as numbers with numbers, and by their text with texts. A range compares as its bounds are:
    numbers, dates, or texts.

    Raises
    ------
    QueryError
        If the name of the field cannot be one.
    """
    field = leaves[0].field
    if not field or any(char < " " for char in field):
        raise QueryError(f"{field!r} is not the name of a field")
    column = literal.identifier(REST)
    path = literal.string("/" + field.replace("~", "~0").replace("/", "~1"))
    # Text that is not JSON is an event without further fields, not the end of the query.
    kind, text = (f"TRY({function}({column}, {path}))" for function in ("json_type", "json_extract_string"))
    one = literal.disjunction([_element(leaf, _Json(text, kind), now_us) for leaf in leaves])
    each = literal.disjunction([_element(leaf, _ITEM, now_us) for leaf in leaves])
    many = f"list_bool_or(list_transform(json_extract(TRY(json_extract({column}, {path})), '$[*]'), lambda e: {each}))"
    test = f"coalesce(CASE WHEN {kind} = 'ARRAY' THEN {many} ELSE {one} END, FALSE)"
    if not _SIMPLE.fullmatch(field):
        return test
    # Finding the name in the text costs far less than reading the JSON of events that have it not.
    name = literal.string(f'"{field}"')
    return f"CASE WHEN contains({column}, {name}) THEN {test} ELSE FALSE END"


def _element(leaf: Leaf, value: _Json, now_us: int) -> str:
    match leaf:
        case Exists():
            return f"{value.kind} <> 'NULL'"
        case Term(value=wanted, case_insensitive=False) | Match(text=wanted) | Phrase(text=wanted, prefix=False):
            return _equal([wanted], value)
        case Terms(values=values):
            return _equal(list(values), value)
        case Range():
            return _range(leaf, value.text, now_us)
    return keyword_test(leaf, value.text)


def _equal(values: list[Value], value: _Json) -> str:
    test = keyword_test(Terms("", tuple(values)), value.text)
    numbers = (as_number(wanted) for wanted in values)
    exact = sorted({float(wanted) for wanted in numbers if wanted is not None and abs(wanted) < _EXACT})
    if not exact:
        return test
    listed = ", ".join(f"{wanted!r}::DOUBLE" for wanted in exact)
    # The type is asked for last: it costs another reading of the JSON.
    number = f"CASE WHEN TRY_CAST({value.text} AS DOUBLE) IN ({listed}) THEN {value.kind} IN {_NUMERIC} ELSE FALSE END"
    return f"({test} OR {number})"


def _range(leaf: Range, text: str, now_us: int) -> str:
    bounds = {sign: getattr(leaf, name) for name, sign in _BOUNDS if getattr(leaf, name) is not None}
    numbers = {sign: as_number(bound) for sign, bound in bounds.items()}
    if bounds and None not in numbers.values():
        cast = f"TRY_CAST(CASE WHEN regexp_full_match({text}, '{_JSON_NUMBER}') THEN {text} END AS DOUBLE)"
        return " AND ".join(f"{cast} {sign} {float(bound or 0)!r}::DOUBLE" for sign, bound in numbers.items())
    if bounds and all(is_date(bound) for bound in bounds.values()):
        zoned = f"CASE WHEN regexp_matches({text}, '{_ZONE}') THEN {text} ELSE {text} || 'Z' END"
        return date_range(leaf, f"TRY_CAST({zoned} AS TIMESTAMPTZ)", now_us)
    return keyword_test(leaf, text)
