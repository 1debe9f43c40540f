"""SQL tests over fields without a column, which lie in the JSON text of :data:`rarebit.core.fields.REST`."""

from __future__ import annotations

import re
from typing import Final

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
_TEXT: Final = "json_extract_string(e, '$')"
_ZONED: Final = f"CASE WHEN regexp_matches({_TEXT}, ':.*(?:[Zz]|[+-][0-9:]+)$') THEN {_TEXT} ELSE {_TEXT} || 'Z' END"
_BOUNDS: Final = (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<="))


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
    value = f"TRY(json_extract({column}, {path}))"
    items = f"CASE WHEN json_type({value}) = 'ARRAY' THEN json_extract({value}, '$[*]') ELSE [{value}] END"
    wanted = literal.disjunction([_element(leaf, now_us) for leaf in leaves])
    test = f"coalesce(list_bool_or(list_transform({items}, lambda e: {wanted})), FALSE)"
    if not _SIMPLE.fullmatch(field):
        return test
    # Finding the name in the text costs far less than reading the JSON of events that have it not.
    name = literal.string(f'"{field}"')
    return f"CASE WHEN contains({column}, {name}) THEN {test} ELSE FALSE END"


def _element(leaf: Leaf, now_us: int) -> str:
    match leaf:
        case Exists():
            return "json_type(e) <> 'NULL'"
        case Term(value=value, case_insensitive=False) | Match(text=value) | Phrase(text=value, prefix=False):
            return _equal([value])
        case Terms(values=values):
            return _equal(list(values))
        case Range():
            return _range(leaf, now_us)
    return keyword_test(leaf, _TEXT)


def _equal(values: list[Value]) -> str:
    test = keyword_test(Terms("", tuple(values)), _TEXT)
    numbers = (as_number(value) for value in values)
    wanted = sorted({float(value) for value in numbers if value is not None and abs(value) < _EXACT})
    if not wanted:
        return test
    texts = ", ".join(f"{value!r}::DOUBLE" for value in wanted)
    kinds = "('UBIGINT', 'BIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE')"
    return f"({test} OR (json_type(e) IN {kinds} AND TRY_CAST({_TEXT} AS DOUBLE) IN ({texts})))"


def _range(leaf: Range, now_us: int) -> str:
    bounds = {sign: getattr(leaf, name) for name, sign in _BOUNDS if getattr(leaf, name) is not None}
    numbers = {sign: as_number(bound) for sign, bound in bounds.items()}
    if bounds and None not in numbers.values():
        cast = f"TRY_CAST(CASE WHEN regexp_full_match({_TEXT}, '{_JSON_NUMBER}') THEN {_TEXT} END AS DOUBLE)"
        return " AND ".join(f"{cast} {sign} {float(bound or 0)!r}::DOUBLE" for sign, bound in numbers.items())
    if bounds and all(is_date(bound) for bound in bounds.values()):
        return date_range(leaf, f"TRY_CAST({_ZONED} AS TIMESTAMPTZ)", now_us)
    return keyword_test(leaf, _TEXT)
