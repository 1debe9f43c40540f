"""The Kibana query language, read into the expression tree and written from it.

Words of the language (``and``, ``or``, ``not``) are read in any case; values of keyword fields compare with case,
wildcards too. Not supported, and refused by name: queries into nested objects, ``field: { … }``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any, Final, NamedTuple, cast

from lark import Lark, Token, Transformer
from lark.exceptions import LarkError, UnexpectedInput, UnexpectedToken

from rarebit.core.errors import QueryError
from rarebit.query.kql_write import to_kql
from rarebit.query.main_fields import named, over_main
from rarebit.query.patterns import STAR, escape_wildcard
from rarebit.query.tree import (
    All,
    And,
    Exists,
    Match,
    Node,
    Not,
    Or,
    Phrase,
    Range,
    Wildcard,
    check,
    check_text,
)

__all__ = ["parse_kql", "to_kql"]

_GRAMMAR: Final = r"""
start: either
?either: both (_OR both)* -> either
?both: other (_AND other)* -> both
?other: _NOT other -> negation
      | _OPEN either _CLOSE
      | literal _COLON literal -> equals
      | literal _COLON _OPEN value_either _CLOSE -> among
      | literal BOUND literal -> bound
      | literal -> anywhere
?value_either: value_both (_OR value_both)* -> either
?value_both: value_other (_AND value_other)* -> both
?value_other: _NOT value_other -> negation
      | _OPEN value_either _CLOSE
      | literal -> value
literal: WORD+ -> words
      | QUOTED -> quoted

_OR.2: /or(?=[\s(")]|$)/i
_AND.2: /and(?=[\s(")]|$)/i
_NOT.2: /not(?=[\s(")]|$)/i
_OPEN: "("
_CLOSE: ")"
_COLON: ":"
BOUND: />=|<=|>|</
QUOTED: /"(?:[^"\\]|\\.)*"/s
WORD: /(?:[^\s\\():<>"{}]|\\u[0-9A-Fa-f]{4}|\\and|\\or|\\not|\\[\s\\():<>"*{}trn?])+/i
%ignore /\s+/
"""
MAX_JOINS: Final = 10_000
"""Most ``and`` and ``or`` of a query; a value without a field makes a clause for each main field."""
_JOINS: Final = re.compile(r"\b(?:and|or)\b", re.IGNORECASE)
_ESCAPE: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(and|or|not)|(.))", re.DOTALL | re.IGNORECASE)
_PIECE: Final = re.compile(r"(\\u[0-9A-Fa-f]{4}|\\and|\\or|\\not|\\.|\*)", re.DOTALL | re.IGNORECASE)
_QUOTED_ESCAPE: Final = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|([trn"\\]))')
_SPACES: Final = {"t": "\t", "r": "\r", "n": "\n"}
_BOUNDS: Final = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}


def parse_kql(text: str) -> Node:
    """Read a query of the Kibana query language. An empty text asks for every event.

    A value without a field is looked for in :data:`rarebit.query.main_fields.MAIN_FIELDS`.

    Raises
    ------
    QueryError
        If the text does not parse, is too long or nested too deep, or asks for what is not supported.
    """
    if not check_text(text, "KQL").strip():
        return All()
    if len(_JOINS.findall(text)) > MAX_JOINS:
        raise QueryError(f"the KQL query joins more than {MAX_JOINS} parts", hint="Use a terms query of the Query DSL.")
    try:
        node = cast("Node", _parser().parse(text))
    except UnexpectedInput as error:
        raise _complaint(text, error) from error
    except LarkError as error:
        raise QueryError(f"the KQL query does not parse: {error}") from error
    return check(node)


class _Literal(NamedTuple):
    """A field's name or a value, plain and as a wildcard pattern."""

    text: str
    pattern: str
    wild: bool
    quoted: bool


class _Value(Node, frozen=True):
    """A value within parentheses, whose field is known once they close."""

    literal: _Literal


class _Builder(Transformer[Token, Node]):
    """Builds nodes as the parser reduces, so that no depth of text is a depth of calls."""

    def start(self, items: list[Node]) -> Node:
        return items[0]

    def either(self, items: list[Node]) -> Node:
        return items[0] if len(items) == 1 else Or(tuple(items))

    def both(self, items: list[Node]) -> Node:
        return items[0] if len(items) == 1 else And(tuple(items))

    def negation(self, items: list[Node]) -> Node:
        return Not(items[0])

    def equals(self, items: list[Any]) -> Node:
        return _over(items[0], lambda field: _test(field, items[1]))

    def among(self, items: list[Any]) -> Node:
        check(items[1])
        return _over(items[0], lambda field: _with_field(items[1], field))

    def bound(self, items: list[Any]) -> Node:
        name, sign, value = items
        return _over(name, lambda field: Range(field, **{_BOUNDS[str(sign)]: value.text}))

    def anywhere(self, items: list[Any]) -> Node:
        if items[0].pattern == STAR and items[0].wild:
            return All()
        return over_main(lambda field: _test(field, items[0]))

    def value(self, items: list[Any]) -> Node:
        return _Value(items[0])

    def words(self, items: list[Token]) -> _Literal:
        return _unquoted(items)

    def quoted(self, items: list[Token]) -> _Literal:
        text = _QUOTED_ESCAPE.sub(_plain, str(items[0])[1:-1])
        return _Literal(text, escape_wildcard(text), wild=False, quoted=True)


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="basic", transformer=_Builder())


def _plain(match: re.Match[str]) -> str:
    if match[1]:
        char = chr(int(match[1], 16))
        if char == "\0" or "\ud800" <= char <= "\udfff":
            raise QueryError(f"\\u{match[1]} in the KQL query is no character that a text can hold")
        return char
    return next((_SPACES.get(group, group) for group in match.groups()[1:] if group), "")


def _unquoted(words: list[Token]) -> _Literal:
    text: list[str] = []
    pattern: list[str] = []
    wild = False
    at = words[0].start_pos or 0
    for word in words:
        # The blanks between words belong to the value.
        gap = " " * ((word.start_pos or 0) - at)
        at = word.end_pos or 0
        text.append(gap)
        pattern.append(gap)
        for piece in _PIECE.split(str(word)):
            plain = piece if piece == STAR else _ESCAPE.sub(_plain, piece)
            wild |= piece == STAR
            text.append(plain)
            pattern.append(piece if piece == STAR else escape_wildcard(plain))
    return _Literal("".join(text), "".join(pattern), wild, quoted=False)


def _over(name: _Literal, make: Callable[[str], Node]) -> Node:
    if name.pattern == STAR and name.wild:
        made = make("")
        return All() if made == Exists("") else over_main(make)
    if name.wild:
        return over_main(make, named(name.text, "KQL"))
    if not name.text:
        raise QueryError("the KQL query has an empty field name")
    return make(name.text)


def _test(field: str, value: _Literal) -> Node:
    if value.quoted:
        return Phrase(field, value.text)
    if not value.wild:
        return Match(field, value.text)
    return Exists(field) if value.pattern == STAR else Wildcard(field, value.pattern)


def _with_field(node: Node, field: str) -> Node:
    match node:
        case _Value(literal=value):
            return _test(field, value)
        case And() | Or():
            return type(node)(tuple(_with_field(part, field) for part in node.nodes))
        case Not(node=part):
            return Not(_with_field(part, field))
    raise TypeError(node)


def _complaint(text: str, error: UnexpectedInput) -> QueryError:
    ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    at = len(text) if ended else error.pos_in_stream or 0
    rest = text[at : at + 20]
    where = f"KQL, character {at + 1}"
    if rest.startswith("{"):
        return QueryError("queries into nested objects, field: { … }, are not supported", where=where)
    if rest.startswith("\\"):
        return QueryError(
            "a backslash stands alone", where=where, hint="Write \\\\ for a backslash, or quote the value."
        )
    found = f"{rest!r} was not expected" if rest else "the query ends too early"
    return QueryError(found, where=where, hint='Write for example process.name: "cmd.exe" and not user.name: admin*.')
