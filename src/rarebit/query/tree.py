"""The expression tree every query language is read into and every compiler reads from.

Leaves test one field. A field that is absent makes its leaf false, so ``Not`` of it is true, as in Elasticsearch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import msgspec

from rarebit.core.errors import QueryError
from rarebit.core.fields import ID

Value = str | int | float | bool
"""What a leaf compares a field with."""

MAX_DEPTH: Final = 100
"""Deepest nesting of a query."""
MAX_CLAUSES: Final = 65_536
"""Most clauses of a query; each value of a :class:`Terms` is one."""
MAX_TEXT: Final = 1_000_000
"""Longest query text, in characters."""


class Node(msgspec.Struct, frozen=True):
    """Any part of a query."""


class All(Node, frozen=True):
    """Every event."""


class Nothing(Node, frozen=True):
    """No event."""


class And(Node, frozen=True):
    """Every part holds; without parts every event."""

    nodes: tuple[Node, ...]


class Or(Node, frozen=True):
    """At least one part holds; without parts no event."""

    nodes: tuple[Node, ...]


class Not(Node, frozen=True):
    """The part does not hold."""

    node: Node


class AtLeast(Node, frozen=True):
    """At least ``count`` of the parts hold."""

    count: int
    nodes: tuple[Node, ...]


class Leaf(Node, frozen=True):
    """A test of one field."""

    field: str


class Exists(Leaf, frozen=True):
    """The field has a value."""


class Term(Leaf, frozen=True):
    """The whole value equals; for addresses also ``10.0.0.0/8``."""

    value: Value
    case_insensitive: bool = False


class Terms(Leaf, frozen=True):
    """The whole value equals any of the values."""

    values: tuple[Value, ...]


class Prefix(Leaf, frozen=True):
    """The value starts with a text."""

    value: str
    case_insensitive: bool = False


class Wildcard(Leaf, frozen=True):
    r"""The whole value fits a pattern: ``*`` any text, ``?`` one character, ``\`` takes the next as it is."""

    pattern: str
    case_insensitive: bool = False


class Regexp(Leaf, frozen=True):
    """The whole value fits a regular expression of Lucene's syntax."""

    pattern: str
    case_insensitive: bool = False


class Range(Leaf, frozen=True):
    """The value lies between bounds; for times a bound may be date math such as ``now-7d/d``."""

    gt: Value | None = None
    gte: Value | None = None
    lt: Value | None = None
    lte: Value | None = None
    time_zone: str = ""
    """Zone of bounds that name none: an offset such as ``+01:00`` or a name; empty is UTC."""


class Match(Leaf, frozen=True):
    """Analysed text holds any (or every) word of a text; on other fields the whole value equals."""

    text: Value
    every: bool = False


class Phrase(Leaf, frozen=True):
    """Analysed text holds the words of a text side by side; on other fields the whole value equals."""

    text: Value
    prefix: bool = False
    """Whether the last word may be only the beginning of one."""


class Ids(Node, frozen=True):
    """The event has one of these ids."""

    values: tuple[str, ...]


def children(node: Node) -> tuple[Node, ...]:
    """Parts of a node, empty for leaves."""
    if isinstance(node, And | Or | AtLeast):
        return node.nodes
    return (node.node,) if isinstance(node, Not) else ()


def walk(node: Node) -> Iterator[tuple[Node, int]]:
    """Every node with its depth, the root at 1, without recursion."""
    stack = [(node, 1)]
    while stack:
        at, depth = stack.pop()
        yield at, depth
        stack.extend((child, depth + 1) for child in children(at))


def fields_of(node: Node) -> frozenset[str]:
    """Names of all fields a query tests."""
    names = (ID if isinstance(at, Ids) else at.field for at, _ in walk(node) if isinstance(at, Leaf | Ids))
    return frozenset(names)


def rewrite(node: Node, replace: Mapping[str, Callable[[Node], Node]]) -> Node:
    """Put other nodes in the place of the leaves on some fields.

    Parameters
    ----------
    node : Node
        The query.
    replace : mapping of str to callable
        For a field, what gives the new node for a leaf on it: ``{"asset.role": role_to_hosts}``.

    Returns
    -------
    Node
        The query anew; the old one is unchanged.

    Raises
    ------
    QueryError
        If the query is nested deeper than :data:`MAX_DEPTH`.
    """
    return _rewrite(check(node), replace)


def _rewrite(node: Node, replace: Mapping[str, Callable[[Node], Node]]) -> Node:
    match node:
        case Leaf():
            return replace[node.field](node) if node.field in replace else node
        case Ids():
            return replace[ID](node) if ID in replace else node
        case And() | Or():
            return type(node)(tuple(_rewrite(child, replace) for child in node.nodes))
        case AtLeast():
            return AtLeast(node.count, tuple(_rewrite(child, replace) for child in node.nodes))
        case Not():
            return Not(_rewrite(node.node, replace))
        case _:
            return node


def check(node: Node) -> Node:
    """Give the node back if it is within the limits of depth and clauses.

    Raises
    ------
    QueryError
        If it is not.
    """
    clauses = 0
    for at, depth in walk(node):
        if depth > MAX_DEPTH:
            raise QueryError(f"the query is nested deeper than {MAX_DEPTH}", hint="Flatten it.")
        clauses += len(at.values) if isinstance(at, Terms | Ids) else 1
    if clauses > MAX_CLAUSES:
        raise QueryError(
            f"the query has {clauses} clauses, more than {MAX_CLAUSES}",
            hint="Split it, or test a broader field.",
        )
    return node


def check_text(text: str, language: str) -> str:
    """Give the text of a query back if it can be read at all: not too long, and whole Unicode without NUL.

    Raises
    ------
    QueryError
        If it is not.
    """
    if len(text) > MAX_TEXT:
        raise QueryError(f"the {language} query has {len(text)} characters, more than {MAX_TEXT}")
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise QueryError(f"the {language} query holds a NUL or half of a surrogate pair, which no text can hold")
    return text


def all_of(nodes: list[Node]) -> Node:
    """Conjunction in its shortest form."""
    return nodes[0] if len(nodes) == 1 else And(tuple(nodes)) if nodes else All()


def any_of(nodes: list[Node]) -> Node:
    """Disjunction in its shortest form."""
    return nodes[0] if len(nodes) == 1 else Or(tuple(nodes)) if nodes else Nothing()
