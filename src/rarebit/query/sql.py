"""Queries as DuckDB conditions over the columns of :data:`rarebit.core.schema.EVENT_SCHEMA`.

A condition is never NULL. A leaf over a column reads ``"col" IS NOT NULL AND "col" = 'x'``, two plain comparisons
which DuckDB hands down to the statistics of Parquet files.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from rarebit.core.fields import ID, Kind
from rarebit.core.time import to_us
from rarebit.query import literal
from rarebit.query.address_sql import address_test
from rarebit.query.columns import ADDRESSES, column_of
from rarebit.query.gather import AnyOf, gather
from rarebit.query.rest_sql import rest_test
from rarebit.query.text_sql import analysed_test, keyword_test
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
    Term,
    Terms,
    check,
)
from rarebit.query.typed_sql import typed_test

_TYPED: Final = frozenset({Kind.LONG, Kind.DOUBLE, Kind.BOOLEAN, Kind.DATE})


def to_sql(node: Node, *, now_us: int | None = None) -> str:
    """Condition in DuckDB's SQL for the events that a query asks for.

    Parameters
    ----------
    node : Node
        The query.
    now_us : int, optional
        What ``now`` means in date math, in microseconds since 1970; the present if not given.

    Returns
    -------
    str
        A boolean expression, true or false for every row.

    Raises
    ------
    QueryError
        If the query is too large, a value is not of its field's type, or a pattern cannot be compiled.
    """
    return _condition(gather(check(node)), to_us(datetime.now(UTC)) if now_us is None else now_us)


def _condition(node: Node, now_us: int) -> str:  # noqa: PLR0911 - one return a case
    match node:
        case All():
            return "TRUE"
        case Nothing():
            return "FALSE"
        case And(nodes=nodes):
            return " AND ".join(f"({_condition(part, now_us)})" for part in nodes) or "TRUE"
        case Or(nodes=nodes):
            return " OR ".join(f"({_condition(part, now_us)})" for part in nodes) or "FALSE"
        case Not(node=part):
            return f"NOT ({_condition(part, now_us)})"
        case AtLeast(count=count, nodes=nodes):
            terms = " + ".join(f"CAST(({_condition(part, now_us)}) AS INTEGER)" for part in nodes) or "0"
            return f"({terms}) >= {count:d}"
        case Ids(values=values):
            return _leaf(Terms(ID, values), now_us)
        case Leaf():
            return _leaf(node, now_us)
    raise TypeError(node)


def _leaf(leaf: Leaf, now_us: int) -> str:
    column = column_of(leaf.field)
    leaves = leaf.leaves if isinstance(leaf, AnyOf) else (leaf,)
    if column is None:
        return rest_test(leaves, now_us=now_us)
    name = literal.identifier(column.name)
    if column.kind is Kind.LIST:
        return _list(leaves, name, addresses=column.name in ADDRESSES)
    if column.kind is Kind.SET:
        return _set(leaf, name)
    if column.kind in _TYPED:
        test = typed_test(leaf, column.kind, name, now_us=now_us)
    elif column.kind is Kind.IP:
        test = address_test(leaf, name)
    elif column.analysed and isinstance(leaf, Match | Phrase):
        test = analysed_test(leaf, name)
    else:
        test = keyword_test(leaf, name, caseless=column.caseless)
    exists = f"{name} IS NOT NULL"
    return exists if test == exists else f"{exists} AND {test}"


def _list(leaves: tuple[Leaf, ...], name: str, *, addresses: bool) -> str:
    if leaves == (Exists(leaves[0].field),):
        return f"coalesce(list_count({name}) > 0, FALSE)"
    test = literal.disjunction([address_test(leaf, "e") if addresses else keyword_test(leaf, "e") for leaf in leaves])
    return f"coalesce(list_bool_or(list_transform({name}, lambda e: {test})), FALSE)"


def _set(leaf: Leaf, name: str) -> str:
    match leaf:
        case Exists():
            return f"{name} IS NOT NULL AND {name} <> ''"
        case Term(value=value, case_insensitive=False) | Match(text=value) | Phrase(text=value, prefix=False):
            return f"{name} IS NOT NULL AND {_word(literal.text_of(value), name)}"
        case Terms(values=values):
            words = [_word(literal.text_of(value), name) for value in dict.fromkeys(values)]
            return f"{name} IS NOT NULL AND {literal.disjunction(words)}"
    words_of = f"list_filter(string_split({name}, ','), lambda w: w <> '')"
    return f"coalesce(list_bool_or(list_transform({words_of}, lambda e: {keyword_test(leaf, 'e')})), FALSE)"


def _word(word: str, name: str) -> str:
    if not word or "," in word:
        return "FALSE"
    # Most sets are one word; text is put together only for those that are not.
    among = f"contains(',' || {name} || ',', {literal.string(f',{word},')})"
    return f"({name} = {literal.string(word)} OR CASE WHEN contains({name}, ',') THEN {among} ELSE FALSE END)"
