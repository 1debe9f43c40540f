"""Queries over what was found and what is kept: the same tree as over events, put to documents a few at a time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from rarebit.core.errors import QueryError
from rarebit.query.dates import date_span, is_date
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
    children,
)

Document = dict[str, Any]


def meets(node: Node, document: Document) -> bool:
    """Whether a document meets a query; a list meets what one of its values does, all values compare as a whole.

    Raises
    ------
    QueryError
        If the query asks for what can be asked of events only.
    """
    match node:
        case All() | Nothing():
            met = isinstance(node, All)
        case And():
            met = all(meets(each, document) for each in node.nodes)
        case Or():
            met = any(meets(each, document) for each in node.nodes)
        case Not():
            met = not meets(node.node, document)
        case AtLeast():
            met = sum(meets(each, document) for each in node.nodes) >= node.count
        case Ids():
            met = document.get("id") in node.values
        case Leaf():
            met = any(_has(node, held) for held in _values(document, node.field))
        case _:
            raise _beyond_us(node)
    return met


def _beyond_us(node: Node) -> QueryError:
    return QueryError(f"the query {type(node).__name__.lower()!r} is supported over events alone")


def check(node: Node) -> None:
    """Refuse a query that can be asked of events only, or whose bounds cannot be read, before it is put to anything.

    Raises
    ------
    QueryError
        With the reason.
    """
    for each in children(node):
        check(each)
    if isinstance(node, Leaf):
        _has(node, "")
        _has(node, 0.0)


def _has(leaf: Leaf, held: object) -> bool:
    match leaf:
        case Exists():
            met = held not in (None, "")
        case Term():
            met = _equal(held, leaf.value, folded=leaf.case_insensitive)
        case Terms():
            met = any(_equal(held, value) for value in leaf.values)
        case Match() | Phrase():
            met = _equal(held, leaf.text)
        case Prefix():
            text, start = _text(held), leaf.value
            met = text.lower().startswith(start.lower()) if leaf.case_insensitive else text.startswith(start)
        case Wildcard():
            folded = leaf.case_insensitive
            met = _fits(_text(held).lower(), leaf.pattern.lower()) if folded else _fits(_text(held), leaf.pattern)
        case Range():
            met = _between(held, leaf)
        case _:
            raise _beyond_us(leaf)
    return met


def _values(held: object, path: str) -> Iterator[object]:
    """Values at a path of names with dots; a name may hold dots itself."""
    if isinstance(held, list | tuple):
        for each in held:
            yield from _values(each, path)
    elif isinstance(held, dict):
        if path in held:
            yield from _flat(held[path])
            return
        at = path.find(".")
        while at > 0:
            if path[:at] in held:
                yield from _values(held[path[:at]], path[at + 1 :])
            at = path.find(".", at + 1)


def _flat(held: object) -> Iterator[object]:
    if isinstance(held, list | tuple):
        for each in held:
            yield from _flat(each)
    elif held is not None and not (isinstance(held, dict) and not held):
        yield held


def _text(held: object) -> str:
    return str(held).lower() if isinstance(held, bool) else str(held)


def _equal(held: object, value: Value, *, folded: bool = False) -> bool:
    if isinstance(held, int | float) and not isinstance(held, bool) and not isinstance(value, bool):
        try:
            return float(held) == float(value)
        except ValueError:
            return False
    one, other = _text(held), _text(value)
    return one.lower() == other.lower() if folded else one == other


def _between(held: object, wanted: Range) -> bool:
    """Whether a number, a time or a text lies between bounds; texts that are times compare as such."""
    bounds = {name: getattr(wanted, name) for name in ("gt", "gte", "lt", "lte")}
    found = [_beyond(held, name, bound, wanted.time_zone) for name, bound in bounds.items() if bound is not None]
    return isinstance(held, str | int | float) and all(found)


def _beyond(held: object, name: str, bound: Value, zone: str) -> bool:
    now = time.time_ns() // 1000
    if isinstance(held, str) and held and is_date(held):
        return _lies(name, date_span(held, now_us=now)[0], *date_span(bound, now_us=now, time_zone=zone))
    if isinstance(held, int | float):
        try:
            number = float(bound)
        except ValueError:  # a time: numbers of time are milliseconds here
            start, stop = (each / 1000 for each in date_span(bound, now_us=now, time_zone=zone))
            return _lies(name, float(held), start, stop)
        one = float(held)
        return {"gt": one > number, "gte": one >= number, "lt": one < number, "lte": one <= number}[name]
    text, other = _text(held), _text(bound)
    return {"gt": text > other, "gte": text >= other, "lt": text < other, "lte": text <= other}[name]


def _lies(name: str, place: float, start: float, stop: float) -> bool:
    """Whether a moment lies beyond a stretch ``[start, stop)``, or in it where its edge counts."""
    return {"gt": place >= stop, "gte": place >= start, "lt": place < start, "lte": place < stop}[name]


def _fits(text: str, pattern: str) -> bool:
    r"""Whether a whole text fits ``*`` and ``?``; ``\`` takes the next as it is. Never slower than both lengths."""
    parts = _parts(pattern)
    at = done = 0
    star, kept = -1, 0
    while at < len(text):
        if done < len(parts) and (parts[done] == "any" or parts[done] == text[at]):
            at, done = at + 1, done + 1
        elif done < len(parts) and parts[done] == "many":
            star, kept, done = done, at, done + 1
        elif star >= 0:
            kept += 1
            at, done = kept, star + 1
        else:
            return False
    return all(part == "many" for part in parts[done:])


def _parts(pattern: str) -> list[str]:
    """Single characters, ``any`` for one of any kind, ``many`` for any number of them."""
    letters = iter(pattern)
    return [
        next(letters, "\\") if letter == "\\" else {"*": "many", "?": "any"}.get(letter, letter) for letter in letters
    ]
