"""Gathers alternatives on one field before they are compiled.

One ``IN`` is far faster than many ``OR``, and one look into a list or into JSON serves all that is asked of it.
"""

from __future__ import annotations

from typing import Final

from rarebit.core.errors import QueryError
from rarebit.core.fields import Kind
from rarebit.query.columns import column_of
from rarebit.query.tree import And, AtLeast, Leaf, Match, Node, Not, Or, Phrase, Term, Terms, Value, walk

MAX_TESTS: Final = 10_000
"""Most tests that may be left once alternatives are gathered; all values of one field are one test."""
MAX_LOOSE_TESTS: Final = 1_000
"""Most of them on fields without a column."""


class AnyOf(Leaf, frozen=True):
    """At least one of the leaves, all on this field, holds."""

    leaves: tuple[Leaf, ...]


def gather(node: Node) -> Node:
    """The same query with fewer tests.

    Raises
    ------
    QueryError
        If more are left than :data:`MAX_TESTS` or :data:`MAX_LOOSE_TESTS`.
    """
    gathered = _gather(node)
    left = [at for at, _ in walk(gathered) if isinstance(at, Leaf)]
    loose = sum(column_of(leaf.field) is None for leaf in left)
    if len(left) > MAX_TESTS or loose > MAX_LOOSE_TESTS:
        raise QueryError(
            f"the query makes {len(left)} tests, {loose} of them on fields without a column, "
            f"more than {MAX_TESTS} and {MAX_LOOSE_TESTS}",
            hint="Name the field of each value, and put values of one field side by side.",
        )
    return gathered


def _gather(node: Node) -> Node:
    match node:
        case And(nodes=nodes):
            return _all_of([_gather(part) for part in nodes])
        case Or(nodes=nodes):
            return _any_of([_gather(part) for part in nodes])
        case AtLeast(count=count, nodes=nodes):
            return AtLeast(count, tuple(_gather(part) for part in nodes))
        case Not(node=part):
            return Not(_gather(part))
    return node


def _all_of(parts: list[Node]) -> Node:
    excluded = [part.node for part in parts if isinstance(part, Not)]
    if len(excluded) > 1:
        parts = [part for part in parts if not isinstance(part, Not)]
        parts.append(Not(_any_of(excluded)))
    return And(tuple(parts))


def _any_of(parts: list[Node]) -> Node:
    values: dict[str, list[Value]] = {}
    leaves: dict[str, list[Leaf]] = {}
    others: list[Node] = []
    for part in (inner for outer in parts for inner in (outer.nodes if isinstance(outer, Or) else (outer,))):
        exact = _values(part)
        if isinstance(part, Leaf) and exact is not None:
            values.setdefault(part.field, []).extend(exact)
        elif isinstance(part, AnyOf):
            leaves.setdefault(part.field, []).extend(part.leaves)
        elif isinstance(part, Leaf) and _has_elements(part.field):
            leaves.setdefault(part.field, []).append(part)
        else:
            others.append(part)
    for field, many in values.items():
        leaves.get(field, others).append(Terms(field, tuple(many)))
    gathered = (some[0] if len(some) == 1 else AnyOf(field, tuple(some)) for field, some in leaves.items())
    return Or((*others, *gathered))


def _values(part: Node) -> tuple[Value, ...] | None:
    """Values that the leaf wants the whole of, or None if it asks for something else."""
    match part:
        case Term(value=value, case_insensitive=False):
            return (value,)
        case Terms(values=values):
            return values
        case Match(text=value) | Phrase(text=value, prefix=False) if not _is_analysed(part.field):
            return (value,)
    return None


def _is_analysed(field: str) -> bool:
    column = column_of(field)
    return column is not None and column.analysed


def _has_elements(field: str) -> bool:
    column = column_of(field)
    return column is None or column.kind is Kind.LIST
