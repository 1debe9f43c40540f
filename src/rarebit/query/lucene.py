"""Lucene's query syntax, as ``query_string`` takes it, read into the expression tree.

``AND`` binds more tightly than ``OR``; words side by side are joined by the default operator. ``+`` makes a part
required, ``-`` and ``NOT`` exclude. Boosts change no rows and are read over; fuzzy and proximity searches are
refused by name.
"""

from __future__ import annotations

import re
from decimal import InvalidOperation
from typing import Any, Final

from luqum import tree as lucene
from luqum.exceptions import ParseError
from luqum.thread import parse

from rarebit.core.errors import QueryError
from rarebit.core.fields import ID
from rarebit.query.main_fields import named, over_main
from rarebit.query.patterns import has_wildcard, plain_text
from rarebit.query.tree import (
    MAX_DEPTH,
    All,
    Exists,
    Match,
    Node,
    Not,
    Phrase,
    Range,
    Regexp,
    Wildcard,
    all_of,
    any_of,
    check,
    check_text,
)

MAX_LUCENE: Final = 32_768
"""Longest text, in characters: the parser's time grows with its square."""
_EXISTS: Final = "_exists_"
_OPERATORS: Final = re.compile(r'"(?:[^"\\]|\\.)*"?|\\.|[|+]|[^"\\|+]+', re.DOTALL)
_RESERVED: Final = re.compile(r"\b(?=(?:AND|OR|NOT|TO)\b)")


class _Context:
    """What holds for a part of the query: its fields, and how parts side by side are joined."""

    __slots__ = ("depth", "every", "fields")

    def __init__(self, fields: tuple[str, ...], *, every: bool, depth: int = 1) -> None:
        self.fields = fields
        self.every = every
        self.depth = depth
        if depth > MAX_DEPTH:
            raise QueryError(f"the Lucene query is nested deeper than {MAX_DEPTH}", hint="Flatten it.")

    def inner(self, fields: tuple[str, ...] | None = None) -> _Context:
        return _Context(self.fields if fields is None else fields, every=self.every, depth=self.depth + 1)


def parse_lucene(text: str, *, fields: tuple[str, ...] = (), every: bool = False) -> Node:
    """Read a query of Lucene's syntax. An empty text asks for every event.

    Parameters
    ----------
    text : str
        The query.
    fields : tuple of str
        Where values without a field are looked for; without any in the main fields.
    every : bool
        Whether words side by side must all hold; else any.

    Raises
    ------
    QueryError
        If the text does not parse, is too long or nested too deep, or asks for what is not supported.
    """
    if not check_text(text, "Lucene").strip():
        return All()
    if len(text) > MAX_LUCENE:
        raise QueryError(f"the Lucene query has {len(text)} characters, more than {MAX_LUCENE}")
    try:
        parsed = parse(text)
    except InvalidOperation as error:
        raise QueryError("the Lucene query has a ^ or ~ with a wrong number", hint="Write \\^ or \\~.") from error
    except ParseError as error:
        raise QueryError(f"the Lucene query does not parse: {str(error)[:300]}") from error
    return check(_read(parsed, _Context(fields, every=every)))


def parse_simple(text: str, *, fields: tuple[str, ...] = (), every: bool = False) -> Node:
    """Read the syntax of ``simple_query_string``: ``+`` is and, ``|`` or, ``-`` not, ``"…"`` a phrase, ``*`` a prefix.

    Raises
    ------
    QueryError
        As :func:`parse_lucene`.
    """
    pieces = (_simple_piece(piece) for piece in _OPERATORS.findall(check_text(text, "Lucene")))
    return parse_lucene("".join(pieces), fields=fields, every=every)


def _simple_piece(piece: str) -> str:
    if piece in {"|", "+"}:
        return " OR " if piece == "|" else " AND "
    if piece[0] in '"\\':
        return piece
    return _RESERVED.sub(r"\\", re.sub(r"([:/\[\]{}<>^!?&])", r"\\\1", piece))


def _read(item: Any, context: _Context) -> Node:  # noqa: ANN401, PLR0911 - luqum carries no types; one return a case
    match item:
        case lucene.Group() | lucene.FieldGroup() | lucene.Boost():
            return _read(item.expr, context.inner())
        case lucene.SearchField():
            return _search(item, context)
        case lucene.AndOperation():
            return _joined(item.operands, context.inner(), every=True)
        case lucene.OrOperation():
            return _joined(item.operands, context.inner(), every=False)
        case lucene.UnknownOperation() | lucene.BoolOperation():
            return _joined(item.operands, context.inner(), every=context.every)
        case lucene.Plus():
            return _read(item.a, context.inner())
        case lucene.Not() | lucene.Prohibit():
            return Not(_read(item.a, context.inner()))
    return over_main(lambda field: _value(item, field), context.fields)


def _joined(parts: tuple[Any, ...], context: _Context, *, every: bool) -> Node:
    """Boolean query of Lucene: required, excluded and optional parts."""
    required: list[Node] = []
    optional: list[Node] = []
    for part in parts:
        node = _read(part, context)
        keep = isinstance(part, lucene.Plus | lucene.Not | lucene.Prohibit)
        (required if keep or every else optional).append(node)
    positive = any(not isinstance(part, lucene.Not | lucene.Prohibit) for part in parts)
    plus = any(isinstance(part, lucene.Plus) for part in parts)
    if optional and positive and not plus:
        required.append(any_of(optional))
    return all_of(required)


def _search(item: Any, context: _Context) -> Node:  # noqa: ANN401 - luqum carries no types
    name = _unescape(item.name)
    if name == _EXISTS:
        field = _unescape(str(getattr(item.expr, "value", "")).strip('"'))
        if not field:
            raise QueryError("_exists_ needs the name of a field", where="Lucene")
        return Exists(ID if field == "_id" else field)
    if name == "*":
        return All() if str(item.expr).strip() == "*" else _read(item.expr, context.inner(()))
    fields = named(name, "Lucene") if "*" in name else (ID if name == "_id" else name,)
    return _read(item.expr, context.inner(fields))


def _value(item: Any, field: str) -> Node:  # noqa: ANN401 - luqum carries no types
    match item:
        case lucene.Word():
            return _word(item.value, field)
        case lucene.Phrase():
            return Phrase(field, _unescape(item.value[1:-1]))
        case lucene.Regex():
            return Regexp(field, item.value[1:-1].replace("\\/", "/"))
        case lucene.Range():
            low, high = _bound(item.low), _bound(item.high)
            return Range(
                field,
                gte=low if item.include_low else None,
                gt=None if item.include_low else low,
                lte=high if item.include_high else None,
                lt=None if item.include_high else high,
            )
        case lucene.From():
            bound = _bound(item.a)
            return Range(field, gte=bound) if item.include else Range(field, gt=bound)
        case lucene.To():
            bound = _bound(item.a)
            return Range(field, lte=bound) if item.include else Range(field, lt=bound)
    raise QueryError(f"a {type(item).__name__.lower()} search is not supported", where=f"Lucene, {str(item)[:80]}")


def _word(text: str, field: str) -> Node:
    if text == "*":
        return Exists(field)
    return Wildcard(field, text) if has_wildcard(text) else Match(field, plain_text(text))


def _bound(item: Any) -> str | None:  # noqa: ANN401 - luqum carries no types
    if isinstance(item, lucene.Prohibit):
        return "-" + _unescape(str(item.a.value))
    if isinstance(item, lucene.Phrase):
        return _unescape(item.value[1:-1])
    return None if item.value == "*" else _unescape(item.value)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
