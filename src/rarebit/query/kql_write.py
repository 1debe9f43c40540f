"""Writes an expression tree in the Kibana query language."""

from __future__ import annotations

import re
from typing import Final

from rarebit.core.errors import QueryError
from rarebit.core.fields import ID, Kind
from rarebit.core.time import iso
from rarebit.query import literal
from rarebit.query.columns import column_of
from rarebit.query.patterns import has_wildcard, plain_text, wildcard_parts
from rarebit.query.tree import (
    All,
    And,
    AtLeast,
    Exists,
    Ids,
    Leaf,
    Match,
    Node,
    Not,
    Nothing,
    Or,
    Phrase,
    Prefix,
    Range,
    Term,
    Terms,
    Value,
    Wildcard,
    check,
)

_SPECIAL: Final = re.compile(r'[\\():<>"*{}\s]')
_SIGNS: Final = (("gt", ">"), ("gte", ">="), ("lt", "<"), ("lte", "<="))
_KEYWORDS: Final = frozenset({"and", "or", "not"})


def to_kql(node: Node) -> str:
    """Write a query in KQL; :func:`rarebit.query.kql.parse_kql` reads it back with the same meaning.

    Raises
    ------
    QueryError
        If the query asks for what KQL cannot say, as regular expressions or comparisons without case.
    """
    return "" if isinstance(node, All) else _write(check(node))


def _write(node: Node) -> str:  # noqa: PLR0911 - one return a case
    match node:
        case All() | And(nodes=()):
            return "*"
        case Nothing() | Or(nodes=()):
            return "not *"
        case And(nodes=nodes):
            return " and ".join(_part(part) for part in nodes)
        case Or(nodes=nodes):
            return " or ".join(_part(part) for part in nodes)
        case Not(node=part):
            return f"not {_part(part)}"
        case Ids(values=values):
            return _leaf(Terms(ID, values))
        case Leaf():
            return _leaf(node)
        case AtLeast():
            raise QueryError("KQL cannot say that several of many parts must hold")
    raise TypeError(node)


def _part(node: Node) -> str:
    text = _write(node)
    return f"({text})" if isinstance(node, And | Or | Not) else text


def _leaf(leaf: Leaf) -> str:  # noqa: PLR0911 - one return a case
    field = _escape(leaf.field)
    if isinstance(leaf, Term | Terms) or (isinstance(leaf, Wildcard) and not has_wildcard(leaf.pattern)):
        _exact_is_sayable(leaf)
    match leaf:
        case Exists():
            return f"{field}: *"
        case Term(value=value, case_insensitive=False) | Phrase(text=value, prefix=False):
            return f"{field}: {_quote(literal.text_of(value))}"
        case Match(text=value, every=False):
            return f"{field}: {_words(literal.text_of(value))}"
        case Terms(values=values):
            listed = " or ".join(_quote(literal.text_of(value)) for value in values)
            return f"{field}: ({listed})" if values else "not *"
        case Prefix(value=text, case_insensitive=False):
            return f"{field}: {_escape(text)}*"
        case Wildcard(pattern=pattern, case_insensitive=False):
            return f"{field}: {_pattern(pattern)}"
        case Range():
            return _range(leaf, field)
    raise QueryError(
        f"KQL has no {type(leaf).__name__.lower()} query of this form on {leaf.field}", hint="Use the Query DSL."
    )


def _quote(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escape(text: str) -> str:
    if text.lower() in _KEYWORDS:
        return "\\" + text
    return _SPECIAL.sub(lambda match: f"\\u{ord(match[0]):04x}" if match[0].isspace() else "\\" + match[0], text)


def _words(text: str) -> str:
    return _escape(text) if text else '""'


def _pattern(pattern: str) -> str:
    parts = wildcard_parts(pattern)
    if "\0?" in parts:
        raise QueryError(f"KQL has no wildcard for one character, as in {pattern[:80]!r}", hint="Use the Query DSL.")
    if not has_wildcard(pattern):
        return _quote(plain_text(pattern))
    return "".join("*" if part is None else _escape(part) for part in parts)


def _range(leaf: Range, field: str) -> str:
    if leaf.time_zone:
        raise QueryError("KQL cannot name a time zone", hint="Write the offset into the times.")
    bounds = ((sign, getattr(leaf, name)) for name, sign in _SIGNS)
    tests = [f"{field} {sign} {_quote(_bound(leaf.field, bound))}" for sign, bound in bounds if bound is not None]
    if len(tests) > 1 and _many_valued(leaf.field):
        raise QueryError(
            f"KQL cannot say that one value of {leaf.field} lies between two bounds", hint="Use the Query DSL."
        )
    text = " and ".join(tests) or f"{field}: *"
    return f"({text})" if len(tests) > 1 else text


def _many_valued(field: str) -> bool:
    column = column_of(field)
    return column is None or column.kind in {Kind.LIST, Kind.SET}


def _bound(field: str, bound: Value) -> str:
    column = column_of(field)
    if column is not None and column.kind is Kind.DATE and isinstance(bound, int | float):
        return iso(round(bound) * 1000)
    return literal.text_of(bound)


def _exact_is_sayable(leaf: Leaf) -> None:
    column = column_of(leaf.field)
    if column is not None and column.analysed:
        raise QueryError(
            f"KQL looks for words in {leaf.field} and cannot compare it as a whole", hint="Use the Query DSL."
        )
